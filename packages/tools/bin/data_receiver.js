#!/usr/bin/env node
import '../dist/data-receiver/main.js';
