import { expect, it } from 'vitest'
import { signalText } from '../../../src/cli/report/signal-text.ts'

it('says what came of it, and why it is not the end of the session', () => {
  expect(signalText({ pid: 1, outcome: 'ended' })).toBe('ended')
  expect(signalText({ pid: 1, outcome: 'signalled', detail: 'still alive 5000 ms after the signal' })).toBe(
    'signalled: still alive 5000 ms after the signal',
  )
})

it('names the statement that would allow what is denied', () => {
  const detail = 'the role watcher may not signal sessions of app'
  const grant = 'GRANT pg_signal_backend TO watcher'
  expect(signalText({ pid: 1, outcome: 'denied', detail, grant })).toBe(`denied: ${detail} (${grant})`)
})

it('stays one line without control characters, whatever a role is called', () => {
  const detail = 'the role watcher may not signal sessions of a\u001b[31m\nb'
  expect(signalText({ pid: 1, outcome: 'denied', detail })).toBe(
    'denied: the role watcher may not signal sessions of a\ufffd[31m b',
  )
})
