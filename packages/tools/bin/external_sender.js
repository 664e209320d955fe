#!/usr/bin/env node
import '../dist/external-sender/main.js';
