import type { Style } from '../../text/style.ts'
import type { Invocation } from '../command.ts'
import { type TerminateCommand, terminateCommand } from '../self.ts'
import type { Look } from '../terminal.ts'

/** The options of texts about sessions. */
export interface TextOptions {
  readonly style: Style
  /** Absent: nothing is wrapped or truncated. */
  readonly columns?: number
  /** Default: `pg-lifeguard terminate --pid 4711`. */
  readonly terminate?: TerminateCommand
}

/** @param look the look of the output stream */
export function textOptions(invocation: Invocation, look: Look = invocation.terminal): TextOptions {
  const { style, columns } = look
  const { url } = invocation.options as { url?: string }
  return {
    style,
    ...(columns === undefined ? {} : { columns }),
    terminate: terminateCommand(invocation.self, url),
  }
}
