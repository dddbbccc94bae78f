/**
 * Measures what `--import pg-lifeguard/register` adds to the start of a process, and how long each entry point takes to
 * load. A part of `npm run bench`; alone: `npx tsx bench/start-up.ts [--write]`, after `npm run build`.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { median, times } from './formats.ts'
import { publish } from './report.ts'
import { table } from './table.ts'

const root = join(import.meta.dirname, '..')
/** Turns of all variants, so that whatever else the machine does meets all of them. */
const turns = 21
const loads = 7

/** Nobody listens there: the package is loaded for the first pool, whatever becomes of its connection. */
const closedPort = 9
const applications = {
  'makes a pool, and ends': 'new pg.Pool()',
  'uses it, which loads the package': `await new pg.Pool({ host: '127.0.0.1', port: ${closedPort} }).query('SELECT 1').catch(() => {})`,
} as const
const preloads = { bare: './empty.mjs', twin: './empty.mjs', register: 'pg-lifeguard/register' } as const

type Application = keyof typeof applications
type Preload = keyof typeof preloads

export interface StartUp {
  /** Milliseconds of CPU of each start, by version of Node.js. */
  readonly starts: ReadonlyMap<string, Readonly<Record<Application, Readonly<Record<Preload, number[]>>>>>
  /** Milliseconds of CPU by version of Node.js and entry point: the least of several processes. */
  readonly loads: ReadonlyMap<
    string,
    ReadonlyMap<string, Readonly<Record<'require' | 'import', number | undefined>>>
  >
}

export function measureStartUp(note: (text: string) => void = () => {}): StartUp {
  const folder = mkdtempSync(join(tmpdir(), 'pg-lifeguard-start-up-'))
  try {
    mkdirSync(join(folder, 'node_modules'))
    symlinkSync(root, join(folder, 'node_modules/pg-lifeguard'), 'junction')
    for (const name of ['pg', 'vitest', 'cls-hooked', '@opentelemetry']) {
      symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name), 'junction')
    }
    writeFileSync(join(folder, 'empty.mjs'), '')
    const programs = nodePrograms()
    return {
      starts: new Map(
        programs.map(([version, program]) => [
          version,
          measureStarts(folder, program, (text) => note(`Node ${version}: ${text}`)),
        ]),
      ),
      loads: new Map(
        programs.map(([version, program]) => [
          version,
          measureLoads(folder, program, (text) => note(`Node ${version}: ${text}`)),
        ]),
      ),
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Those that \`npm run test:all\` installs for Linux; elsewhere the one that runs this. */
function nodePrograms(): (readonly [version: string, program: string])[] {
  const installed = ['20', '24'].map((major) => join(root, `test/all/node_modules/node-${major}/bin/node`))
  const programs = installed.filter((program) => existsSync(program))
  return (programs.length === 0 ? [process.execPath] : programs).map((program) => [
    run(root, program, ['--print', 'process.versions.node']).trim(),
    program,
  ])
}

function measureStarts(folder: string, program: string, note: (text: string) => void) {
  const figures = () => ({ bare: [], twin: [], register: [] }) as Record<Preload, number[]>
  const all: Record<Application, Record<Preload, number[]>> = {
    'makes a pool, and ends': figures(),
    'uses it, which loads the package': figures(),
  }
  const names = Object.keys(applications) as Application[]
  for (const [index, name] of names.entries()) {
    const text = `import pg from 'pg'
process.on('exit', () => {
  const { user, system } = process.cpuUsage()
  console.log((user + system) / 1000)
})
${applications[name]}`
    writeFileSync(join(folder, `app-${index}.mjs`), text)
  }
  for (let turn = 1; turn <= turns; turn += 1) {
    note(`start ${turn} of ${turns}`)
    for (const [index, name] of names.entries()) {
      for (const preload of Object.keys(preloads) as Preload[]) {
        const printed = run(folder, program, ['--import', preloads[preload], `app-${index}.mjs`])
        all[name][preload].push(Number(printed))
      }
    }
  }
  return all
}

function measureLoads(folder: string, program: string, note: (text: string) => void) {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { exports: object }
  const entries = Object.keys(exports).filter((path) => !path.endsWith('.json'))
  return new Map(
    entries.map((path) => {
      const entry = `pg-lifeguard${path.slice(1)}`
      note(`loading ${entry}`)
      const load = (how: string) => least(folder, program, how.replace('ENTRY', `'${entry}'`))
      // Vitest refuses to be loaded by \`require\`.
      return [
        entry,
        {
          require: path === './vitest' ? undefined : load('require(ENTRY)'),
          import: load('await import(ENTRY)'),
        },
      ]
    }),
  )
}

function least(folder: string, program: string, load: string): number {
  const text = `import { createRequire } from 'node:module'
const require = createRequire(import.meta.url)
const before = process.cpuUsage()
${load}
const { user, system } = process.cpuUsage(before)
console.log((user + system) / 1000)`
  writeFileSync(join(folder, 'load.mjs'), text)
  return Math.min(...Array.from({ length: loads }, () => Number(run(folder, program, ['load.mjs']))))
}

function run(cwd: string, program: string, args: readonly string[]): string {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(?:NODE_|LIFEGUARD_)/.test(name)),
  )
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, env, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status}: ${stderr}`)
  return stdout
}

export function renderStartUp({ starts, loads: all }: StartUp): string {
  const rows = [...starts].flatMap(([version, byApplication]) =>
    (Object.keys(applications) as Application[]).map((name) => {
      const { bare, twin, register } = byApplication[name]
      const [lowest] = [Math.min(...bare)]
      return [
        `Node ${version}, ${name}`,
        `${median(bare).toFixed(0)} ms`,
        `${times(median(twin) / median(bare))}, ${times(Math.min(...twin) / lowest)}`,
        `${times(median(register) / median(bare))}, ${times(Math.min(...register) / lowest)}`,
      ]
    }),
  )
  const versions = [...all.keys()]
  const millis = (value: number | undefined) => (value === undefined ? '-' : value.toFixed(1))
  const entries = [...(all.get(versions[0] ?? '')?.keys() ?? [])]
  return [
    `CPU from the start of a process to its end: the median of ${turns} starts with an empty \`--import\`, and the factors of the`,
    'median and of the least with the same again (the noise), and with register.',
    '',
    ...table([['', 'empty', 'empty, a second time', 'register'], ...rows]),
    '',
    `Milliseconds of CPU to load an entry point with all that it needs, the least of ${loads} processes.`,
    '',
    ...table([
      ['', ...versions.flatMap((version) => [`Node ${version}, \`require\``, '`import`'])],
      ...entries.map((entry) => [
        `\`${entry}\``,
        ...versions.flatMap((version) => {
          const { require, import: imported } = all.get(version)?.get(entry) ?? {}
          return [millis(require), millis(imported)]
        }),
      ]),
    ]),
  ].join('\n')
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const text = renderStartUp(measureStartUp())
  process.stdout.write(`${text}\n`)
  if (process.argv.includes('--write'))
    publish(text, new URL('../docs/benchmarks.md', import.meta.url), 'start-up')
}
