#!/usr/bin/env node
import '../dist/sender/main.js';
