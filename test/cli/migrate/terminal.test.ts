import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { useDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { isInstalled } from './installed-tools.ts'
import { environmentOf } from './migrations.ts'

const db = useDatabase()
const main = join(import.meta.dirname, '../../../src/cli/main.ts')

// util-linux brings `script`, which runs a command in a terminal.
it.runIf(process.platform === 'linux' && isInstalled('script'))(
  'at a terminal, the command can ask, and gets Ctrl-C once: from the terminal, and not from here as well',
  async () => {
    // Ctrl-C may come before it reads, or while it does, and then the shell gives up that reading.
    const asks =
      'trap "echo got Ctrl-C" INT; test -t 0 && echo "a terminal"; while [ -z "$answer" ]; do read answer; done; echo "answer: $answer"; exit 5'
    const lifeguard = [
      process.execPath,
      '--import',
      import.meta.resolve('tsx'),
      main,
      'migrate',
      '--',
      'sh',
      '-c',
      asks,
    ]
    // Some shells stay in between, and the Ctrl-C then ends them.
    const line = `exec ${lifeguard.map((word) => `'${word}'`).join(' ')}`
    const terminal = spawn('script', ['--quiet', '--return', '--command', line, '/dev/null'], {
      env: { ...process.env, ...environmentOf(db), DATABASE_URL: '' },
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    onTestFinished(() => void terminal.kill('SIGKILL'))
    let screen = ''
    terminal.stdout.on('data', (chunk) => {
      screen += chunk
    })
    const shows = (text: string) => eventually(() => expect(screen).toContain(text))
    const closed = once(terminal, 'close')
    await shows('a terminal')
    terminal.stdin.write('\u0003')
    await shows('got Ctrl-C')
    terminal.stdin.write('yes\n')
    await shows('answer: yes')
    expect(await closed).toEqual([5, null])
    expect(screen.match(/got Ctrl-C/g)).toHaveLength(1)
  },
)
