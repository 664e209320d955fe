import { expect } from 'chai';
import { helpOption, helpText, type OptionTable } from '../src/index.js';

const options = {
  listen: { kind: 'address', short: 'l', describe: 'Where to listen', group: 'Network:' },
  count: { kind: 'whole', short: 'c', describe: 'How many' },
  file: { kind: 'text', placeholder: 'FILE', describe: 'What to read' },
  rate: { kind: 'decimal', describe: 'How fast' },
  names: { kind: 'list', describe: 'Who' },
  hosts: { kind: 'addresses', describe: 'Where to' },
  quiet: { kind: 'flag', short: 'q', describe: 'Say nothing' },
  old: { kind: 'flag', describe: 'Not to be seen', hidden: true },
  help: helpOption,
} as const satisfies OptionTable;

describe('helpText', () => {
  let lines: string[];
  before(async () => {
    const text = await helpText({
      usage: 'Usage: example --listen HOST:PORT\n\nDoes what examples do.',
      options,
      examples: [['example --listen :7010', 'on every interface']],
      epilogue: 'That is all.',
    });
    lines = text.split('\n');
  });

  it('begins with the usage', () => {
    expect(lines.slice(0, 3)).to.deep.equal([
      'Usage: example --listen HOST:PORT',
      '',
      'Does what examples do.',
    ]);
  });

  it('has a line for each visible option: its names, its value and what it does', () => {
    const placeholders: Record<string, string> = {
      listen: 'HOST:PORT  ',
      count: 'N  ',
      file: 'FILE  ',
      rate: 'NUMBER  ',
      names: 'A[,B...]  ',
      hosts: 'HOST:PORT[,...]  ',
    };
    for (const [name, option] of Object.entries(options)) {
      if ('hidden' in option) continue;
      const line = lines.find((each) => each.startsWith(' ') && each.includes(`--${name} `));
      expect(line, `--${name}`).to.be.a('string');
      if ('short' in option) expect(line).to.include(`-${option.short}, --${name}`);
      expect(line!.endsWith(`  ${placeholders[name] ?? ''}${option.describe}`), line).to.equal(true);
    }
  });

  it('does not show what is hidden', () => {
    expect(lines.join('\n')).not.to.match(/--old|Not to be seen/);
  });

  it('shows no option that is not in the table, and no type of yargs', () => {
    expect(lines.join('\n')).not.to.match(/--version|\[boolean\]|\[string\]/);
  });

  it('puts a group under its own heading', () => {
    const heading = lines.indexOf('Network:');
    expect(heading).to.be.greaterThan(0);
    expect(lines[heading + 1]).to.include('--listen');
  });

  it('shows the examples and ends with the epilogue', () => {
    expect(lines.some((line) => /example --listen :7010 +on every interface/.test(line))).to.equal(true);
    expect(lines.at(-1)).to.equal('That is all.');
  });
});
