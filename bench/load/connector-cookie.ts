/** What connector sources and sinks of the benchmark demand of each other. */
export const connectorCookie = 'bench';
