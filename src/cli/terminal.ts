import { createInterface } from 'node:readline/promises'
import { plain, type Style, styleFor } from '../text/style.ts'

/** The style and the width of an output. */
export interface Look {
  readonly style: Style
  /** Absent without a terminal, as in a pipe: then nothing is wrapped or truncated. */
  readonly columns?: number
}

/** A command's output, and the user's answers. `style` and `columns` apply to results. */
export interface Terminal extends Look {
  /** Prints a result, and a line break. */
  print(text: string): void
  /** Prints anything else: questions, progress, errors. */
  warn(text: string): void
  /** The look of `warn`, whose stream may be another one. Absent if it is the same. */
  readonly aside?: Look
  /** Asks a yes-or-no question. Undefined without a terminal. */
  confirm(question: string): Promise<boolean | undefined>
}

/** The terminal of this process. */
export function processTerminal(noColor: boolean, env: NodeJS.ProcessEnv = process.env): Terminal {
  const { stdin, stdout, stderr } = process
  const lookOf = (stream: NodeJS.WriteStream): Look => ({
    style: noColor ? plain : styleFor(stream, env),
    ...(stream.isTTY && stream.columns > 0 ? { columns: stream.columns } : {}),
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
        // Ctrl-C and the end of input count as no.
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
