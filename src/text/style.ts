import { styleText } from 'node:util'

/** The stream of a reporter: `process.stderr`, or any object with `write`. */
export interface TextSink {
  write(text: string): unknown
  readonly isTTY?: boolean
  /** The width of a terminal. */
  readonly columns?: number
  hasColors?(): boolean
}

type Format = Parameters<typeof styleText>[0]

/** Formats text with colours, or returns it unchanged if colours are off. */
export type Style = (format: Format, text: string) => string

export const plain: Style = (_format, text) => text

/**
 * The style for a stream: colours if its terminal has them. `NO_COLOR` and `FORCE_COLOR` take precedence; empty, they
 * count as unset.
 */
export function styleFor(sink: Pick<TextSink, 'isTTY' | 'hasColors'>, env = process.env): Style {
  return wantsColors(sink, env) ? colored : plain
}

function wantsColors(sink: Pick<TextSink, 'isTTY' | 'hasColors'>, env: NodeJS.ProcessEnv): boolean {
  const { NO_COLOR = '', FORCE_COLOR = '', TERM } = env
  if (NO_COLOR !== '') return false
  if (FORCE_COLOR !== '') return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false'
  return sink.isTTY === true && TERM !== 'dumb' && (sink.hasColors?.() ?? true)
}

function colored(format: Format, text: string): string {
  // By default Node decides by stdout, which may be another stream.
  return styleText(format, text, { validateStream: false } as never)
}
