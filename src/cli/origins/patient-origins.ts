import type { ServerSession, ServerSnapshot } from '../../postgres/index.ts'
import type { OriginOf } from '../../postgres/report/session-origin.ts'
import type { SessionReport } from '../../postgres/report/session-report.ts'
import { oneLine } from '../../text/safe-text.ts'
import type { Invocation } from '../command.ts'
import { askForOrigins } from './asked-origins.ts'

/** Returns the origins of the sessions in a snapshot. */
export type Origins = (snapshot: ServerSnapshot) => Promise<OriginOf>

/** The time limit for a source that answered last time. */
const patienceMillis = 1_000
/** The time limit for a source that did not, so that it does not delay each look. */
const impatienceMillis = 100

/**
 * Origins for long-running commands, which an application or a pooler without an answer must neither end nor delay. A
 * warning is printed at the first missing answer, and again only after all have answered.
 */
export function patientOrigins(invocation: Invocation): Origins {
  let isIncomplete = false
  let warned = new Set<string>()
  const warn = (text: string) => {
    if (warned.has(text)) return
    warned.add(text)
    invocation.terminal.warn(text)
  }
  return async (snapshot) => {
    using asked = askForOrigins(invocation, (text) => void (isIncomplete || warn(text)))
    const originOf = await asked.within(isIncomplete ? impatienceMillis : patienceMillis, snapshot)
    if (!asked.isIncomplete && isIncomplete) warned = new Set()
    isIncomplete = asked.isIncomplete
    return originOf
  }
}

export function withOrigin(
  report: SessionReport,
  session: ServerSession | undefined,
  originOf: OriginOf,
): SessionReport {
  const origin = session && originOf(session)
  return origin === undefined ? report : { ...report, origin: { ...origin, text: oneLine(origin.text) } }
}
