import type { Summary } from './campaign.js';

/** The figures of a campaign as a table for people. */
export function summaryText(summary: Summary, wallMs: number): string {
  const { phases, kinds, cells, fired, drawn, violations } = summary;
  const hit = kinds.flatMap((kind) => phases.filter((phase) => cells.has(`${kind} ${phase}`))).length;
  const rows = [
    ['fault', 'drawn', 'fired', ...phases],
    ...kinds.map((kind) => [
      kind,
      String(drawn.get(kind) ?? 0),
      String(fired.get(kind) ?? 0),
      ...phases.map((phase) => String(cells.get(`${kind} ${phase}`) ?? '-')),
    ]),
  ];
  const hours = summary.virtualMs / 3_600_000;
  return [
    `${summary.seeds} seeds, ${hours.toFixed(2)} simulated hours, ${summary.events} events, ` +
      `${summary.messages} messages, ${summary.invocations} invocations of keyed stages, ${summary.kills} kills`,
    `${(summary.seeds / (wallMs / 1000)).toFixed(1)} seeds/s, ` +
      `${(summary.virtualMs / wallMs).toFixed(0)} simulated seconds in a second; ` +
      `data crossed links in ${summary.linked} of ${summary.clusters} clusters`,
    '',
    ...table(rows),
    '',
    `${hit} of ${kinds.length * phases.length} cells of fault kind x phase hit`,
    `${violations.length} violations${violations.length === 0 ? '' : ':'}`,
    ...violations.map(({ seed, finding }) => `  seed ${seed}: ${finding.checker}: ${finding.text}`),
  ].join('\n');
}

/** Columns as wide as they must be; numbers to the right. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
      .join('  '),
  );
}
