import { isStateful, stageById, type Plan, type PlannedStage } from './plan.js';
import { unreachable } from '../invariant.js';

/** The plan as text for people: a paragraph for each step, a line for each stage. */
export function explainText(plan: Plan): string {
  const { application, stages, steps } = plan;
  const lines = [
    `Application '${application.name}': ${counted(stages.length, 'stage')} in ${counted(steps.length, 'step')}, ` +
      `${counted(application.slots, 'slot')}, on error ${application.onError}`,
  ];
  steps.forEach((step, index) => {
    lines.push('', `Step ${index + 1}: ${step.id}`);
    for (const id of step.stages) {
      const stage = stageById(plan, id);
      const outputs = stage.outputs.length === 0 ? '' : ` -> ${stage.outputs.join(', ')}`;
      lines.push(`  ${stageText(stage)}${outputs}`);
    }
  });
  return lines.join('\n');
}

/** The plan as a Mermaid flow chart: a box for each step; thick arrows partition messages by key. */
export function explainMermaid(plan: Plan): string {
  const number = new Map(plan.stages.map(({ id }, index) => [id, `s${index}`]));
  const lines = ['flowchart LR'];
  plan.steps.forEach((step, index) => {
    lines.push(`  subgraph step${index + 1} ["step ${index + 1}"]`);
    for (const id of step.stages) {
      const stage = stageById(plan, id);
      lines.push(`    ${number.get(id)}["${stageText(stage).replaceAll('"', '#quot;')}"]`);
    }
    lines.push('  end');
  });
  for (const stage of plan.stages) {
    const partitions = stage.work.kind === 'keyBy' || stage.work.kind === 'collect';
    for (const output of stage.outputs) {
      lines.push(`  ${number.get(stage.id)} ${partitions ? '==>' : '-->'} ${number.get(output)}`);
    }
  }
  return lines.join('\n');
}

function stageText({ id, work }: PlannedStage): string {
  switch (work.kind) {
    case 'source':
      return `source ${work.name} (${work.config.kind})`;
    case 'sink':
      return `sink ${work.name} (${work.config.kind})`;
    case 'computation':
      return `${isStateful(work) ? 'state computation' : 'computation'} ${id}`;
    case 'keyBy':
    case 'collect':
    case 'merge':
      return id;
    default:
      return unreachable(work);
  }
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
