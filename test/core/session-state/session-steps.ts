import { SessionChanges } from '../../../src/core/session-state/changes.ts'

/** A statement, and its answer. */
export interface Step {
  readonly text: string
  readonly letter?: 'I' | 'T' | 'E'
  readonly command?: string
  readonly rows?: readonly object[]
  readonly fails?: boolean
}

/** What is left after these statements; the letter is that of the status after each. */
export function after(steps: readonly (Step | string)[]): SessionChanges {
  const changes = new SessionChanges()
  let before = 'I'
  for (const step of steps) {
    const { text, letter, command, rows, fails } = typeof step === 'string' ? ({ text: step } as Step) : step
    changes.sending(text, undefined, true)
    if (fails === true) changes.failed(text)
    const now = letter ?? (/^(COMMIT|ROLLBACK$)/.test(text) ? 'I' : text === 'BEGIN' ? 'T' : before)
    const answer = { text: fails === true ? undefined : text, command: command ?? text.split(' ')[0], rows }
    changes.answered(answer, now)
    before = now
  }
  return changes
}
