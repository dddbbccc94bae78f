import { styleText } from 'node:util'
import { OptionError } from '../errors.ts'

/** What a reporter writes to: `process.stderr`, or anything with `write`. */
export interface TextSink {
  write(text: string): unknown
  readonly isTTY?: boolean
  /** The width of a terminal. */
  readonly columns?: number
  hasColors?(): boolean
}

type Format = Parameters<typeof styleText>[0]

/** Decorates text, or leaves it alone where colours are not wanted. */
export type Style = (format: Format, text: string) => string

/** Colours where the terminal has them; `NO_COLOR` and `FORCE_COLOR` decide first. */
export function styleFor(sink: TextSink, env: NodeJS.ProcessEnv = process.env): Style {
  return wantsColors(sink, env) ? colored : (_format, text) => text
}

function wantsColors(sink: TextSink, env: NodeJS.ProcessEnv): boolean {
  const { NO_COLOR, FORCE_COLOR } = env
  if (NO_COLOR !== undefined && NO_COLOR !== '') return false
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false'
  return sink.isTTY === true && (sink.hasColors?.() ?? true)
}

function colored(format: Format, text: string): string {
  // Node would look at stdout to decide, which need not be where this goes.
  return styleText(format, text, { validateStream: false } as never)
}

/** @throws OptionError if nothing can be written to it */
export function requireWritable(name: string, sink: unknown): void {
  const isWritable =
    typeof sink === 'object' && sink !== null && 'write' in sink && typeof sink.write === 'function'
  if (!isWritable) throw new OptionError(name, 'must have a method write', sink)
}
