import { createInterface } from 'node:readline/promises'
import { plain, type Style, styleFor } from '../text/style.ts'

/** How text looks where it is written. */
export interface Look {
  readonly style: Style
  /** Absent without a terminal, as in a pipe: then nothing is wrapped or cut. */
  readonly columns?: number
}

/** A command's output, and the user's answers. `style` and `columns` are those of results. */
export interface Terminal extends Look {
  /** Results. A line break is added. */
  print(text: string): void
  /** Anything but results: questions, progress, errors. */
  warn(text: string): void
  /** The look of `warn`, whose stream may be another one than that of results. Absent: the same. */
  readonly aside?: Look
  /** Asks for yes or no. Undefined without a terminal. */
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
