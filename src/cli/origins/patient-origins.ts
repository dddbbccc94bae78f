import type { ServerSession, ServerSnapshot } from '../../postgres/index.ts'
import { oneLine } from '../../text/safe-text.ts'
import type { Invocation } from '../command.ts'
import type { SessionReport } from '../report/session-report.ts'
import { askForOrigins } from './asked-origins.ts'
import type { OriginOf } from './session-origin.ts'

/** Asks for origins when they are wanted. */
export type Origins = (snapshot: ServerSnapshot) => Promise<OriginOf>

/** A source that answered last time. */
const patienceMillis = 1_000
/** One that did not: what runs long must not be held up by it at each look. */
const impatienceMillis = 100

/**
 * For what runs long: an application or a pooler that does not answer must neither end it nor hold it up. A warning is
 * printed when that begins, and again only after all have answered in between.
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
