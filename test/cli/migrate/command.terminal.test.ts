import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { useDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { commandLine } from '../spawned.ts'
import { isInstalled } from './installed-tools.ts'
import { environmentOf } from './migrations.ts'

const db = useDatabase()

/** Runs `migrate` with this command in a terminal; `more` is for the shell, behind it. */
function atTerminal(command: readonly string[], more = '') {
  const lifeguard = [process.execPath, commandLine(), 'migrate', '--', ...command]
  // Some shells stay in between, and a Ctrl-C then ends them.
  const line = `exec ${lifeguard.map((word) => `'${word}'`).join(' ')} ${more}`
  const terminal = spawn('script', ['--quiet', '--return', '--command', line, '/dev/null'], {
    env: { ...process.env, ...environmentOf(db), DATABASE_URL: '', TERM: 'xterm', FORCE_COLOR: '' },
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  onTestFinished(() => void terminal.kill('SIGKILL'))
  let screen = ''
  terminal.stdout.on('data', (chunk) => {
    screen += chunk
  })
  return { terminal, screen: () => screen, closed: once(terminal, 'close') }
}

// util-linux brings `script`, which runs a command in a terminal.
it.runIf(process.platform === 'linux' && isInstalled('script'))(
  'at a terminal, the command can ask, and gets Ctrl-C once: from the terminal, and not from here as well',
  async () => {
    // Ctrl-C may come before it reads, or while it does, and then the shell gives up that reading.
    const asks =
      'trap "echo got Ctrl-C" INT; test -t 0 && echo "a terminal"; while [ -z "$answer" ]; do read answer; done; echo "answer: $answer"; exit 5'
    const { terminal, screen, closed } = atTerminal(['sh', '-c', asks])
    const shows = (text: string) => eventually(() => expect(screen()).toContain(text))
    await shows('a terminal')
    terminal.stdin.write('\u0003')
    await shows('got Ctrl-C')
    terminal.stdin.write('yes\n')
    await shows('answer: yes')
    expect(await closed).toEqual([5, null])
    expect(screen().match(/got Ctrl-C/g)).toHaveLength(1)
  },
)

it.runIf(process.platform === 'linux' && isInstalled('script'))(
  'at a terminal, messages that go to a file are plain',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'pg-lifeguard-test-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const file = join(folder, 'messages')
    const run = atTerminal(['sh', '-c', 'test -t 1 && echo "a terminal"'], `2>'${file}'`)
    expect(await run.closed).toEqual([0, null])
    expect(run.screen()).toContain('a terminal')
    expect(readFileSync(file, 'utf8')).toBe('pg-lifeguard: lock timeout 5 s, 5 retries\n')
  },
)

it.runIf(process.platform === 'linux' && isInstalled('script'))(
  'at a terminal, a command that reads from a file gets Ctrl-C once, too',
  async () => {
    const counts = `
      let count = 0
      process.on("SIGINT", () => console.log("got Ctrl-C " + ++count))
      process.on("SIGTERM", () => process.exit(5))
      console.log("ready")
      setInterval(() => {}, 1000)`
    const run = atTerminal([process.execPath, '-e', counts], '< /dev/null')
    const shows = (text: string) => eventually(() => expect(run.screen()).toContain(text))
    await shows('ready')
    run.terminal.stdin.write('\u0003')
    await shows('got Ctrl-C 1')
    // Signals arrive in order: one that is passed on would be here by the second.
    run.terminal.stdin.write('\u0003')
    await shows('got Ctrl-C 2')
    execFileSync('pkill', ['-TERM', '-P', String(run.terminal.pid)])
    expect(await run.closed).toEqual([5, null])
    expect(run.screen().match(/got Ctrl-C/g)).toHaveLength(2)
  },
)
