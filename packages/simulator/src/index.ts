/** Whole clusters of the real core on virtual time, with seeded faults, and what checks them. */
export { runCampaign, Summary, type CampaignOptions, type Violation } from './run/campaign.js';
export { addUp, figuresOf, FiguresError, type Figures } from './run/figures.js';
export { runScenario, type RunReport } from './run/run.js';
export { drawScenario, type Overrides, type Scenario } from './run/scenario.js';
export { shrink, type Reproduction, type Shrunk } from './run/shrink.js';
export { summaryText } from './run/summary-text.js';
export { countTraffic, type TrafficFigures } from './run/traffic-figures.js';
export { faultKinds, type Fault, type FaultKind } from './faults/fault.js';
export type { Finding } from './checkers/finding.js';
