import { exitCode } from '../../src/cli/exit-code.ts'
import { runCommandLine } from '../../src/cli/program.ts'
import type { Terminal } from '../../src/cli/terminal.ts'
import { plain } from '../../src/text/style.ts'

export interface Outcome {
  readonly code: number
  readonly out: string
  readonly err: string
}

export interface Setting {
  readonly url?: string
  readonly env?: NodeJS.ProcessEnv
  readonly columns?: number
  /** What a person at the terminal answers; without it there is nobody. */
  readonly answer?: boolean
  /** Called when the question is asked. */
  readonly onQuestion?: (question: string) => Promise<void>
}

/** Runs a command line in this process, on a terminal that keeps what is printed. */
export async function pgLifeguard(args: readonly string[], setting: Setting = {}): Promise<Outcome> {
  const out: string[] = []
  const err: string[] = []
  const terminal: Terminal = {
    print: (text) => void out.push(text),
    warn: (text) => void err.push(text),
    style: plain,
    ...(setting.columns === undefined ? {} : { columns: setting.columns }),
    async confirm(question) {
      await setting.onQuestion?.(question)
      return setting.answer
    },
  }
  const env = { ...(setting.url === undefined ? {} : { DATABASE_URL: setting.url }), ...setting.env }
  const code = await runCommandLine(args, { env, terminal: () => terminal })
  return { code, out: out.join('\n'), err: err.join('\n') }
}

export { exitCode }

/** Replaces what differs from run to run, so that the rest can be compared. */
export function settled(text: string, names: Readonly<Record<string, string | number>> = {}): string {
  let result = text
    .replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:<port>')
    .replace(/PostgreSQL \d+\.\d+/, 'PostgreSQL <version>')
  for (const [name, value] of Object.entries(names)) {
    result = result.replaceAll(new RegExp(`\\b${value}\\b`, 'g'), name)
  }
  return result.replace(/\b\d+(?:\.\d+)? (?:ms|s|min|h)(?: \d+ (?:s|min))?(?= for | for|:|,|$)/gm, '<time>')
}
