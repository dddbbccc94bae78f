import { createInterface } from 'node:readline/promises'
import { styleText } from 'node:util'

type Format = Parameters<typeof styleText>[0]

/** Decorates text, or leaves it alone where colours are not wanted. */
export type Style = (format: Format, text: string) => string

/** How text looks where it is written. */
export interface Look {
  readonly style: Style
  /** Absent where nobody reads along, as in a pipe: then nothing is wrapped or cut. */
  readonly columns?: number
}

/** Where a command writes, and whom it may ask. `style` and `columns` are those of results. */
export interface Terminal extends Look {
  /** For results. A line break is added. */
  print(text: string): void
  /** For what is no result: questions, progress, errors. */
  warn(text: string): void
  /** Of what `warn` writes, which may go to another place than results: a file, or a terminal. Absent: the same. */
  readonly aside?: Look
  /** Asks for yes or no. Undefined if there is nobody to ask. */
  confirm(question: string): Promise<boolean | undefined>
}

export const plain: Style = (_format, text) => text

/** Colours where the terminal has them; `--no-color`, `NO_COLOR` and `FORCE_COLOR` decide first. */
export function styleFor(isTerminal: boolean, noColor: boolean, env: NodeJS.ProcessEnv): Style {
  const { NO_COLOR, FORCE_COLOR, TERM } = env
  const isForced = FORCE_COLOR !== undefined && FORCE_COLOR !== ''
  const wanted = isForced && FORCE_COLOR !== '0' && FORCE_COLOR !== 'false'
  if (noColor || (NO_COLOR !== undefined && NO_COLOR !== '')) return plain
  if (!wanted && (isForced || !isTerminal || TERM === 'dumb')) return plain
  return (format, text) => styleText(format, text, { validateStream: false } as never)
}

/** The terminal of this process. */
export function processTerminal(noColor: boolean, env: NodeJS.ProcessEnv = process.env): Terminal {
  const { stdin, stdout, stderr } = process
  const lookOf = ({ isTTY, columns }: NodeJS.WriteStream): Look => ({
    style: styleFor(isTTY === true, noColor, env),
    ...(isTTY && columns > 0 ? { columns } : {}),
  })
  return {
    print: (text) => void stdout.write(`${text}\n`),
    warn: (text) => void stderr.write(`${text}\n`),
    ...lookOf(stdout),
    aside: lookOf(stderr),
    async confirm(question) {
      if (!stdin.isTTY || !stderr.isTTY) return undefined
      const lines = createInterface({ input: stdin, output: stderr })
      try {
        // Ctrl-C and the end of input are a no.
        const answer = await new Promise<string>((resolve) => {
          lines.once('close', () => {
            stderr.write('\n')
            resolve('')
          })
          lines.question(`${question} [y/N] `).then(
            (text) => {
              lines.removeAllListeners('close')
              resolve(text)
            },
            () => resolve(''),
          )
        })
        return /^y(es)?$/i.test(answer.trim())
      } finally {
        lines.close()
      }
    },
  }
}
