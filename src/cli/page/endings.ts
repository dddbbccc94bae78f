import { randomBytes } from 'node:crypto'
import type { ServerSession } from '../../postgres/index.ts'
import type { OriginOf } from '../../postgres/report/session-origin.ts'
import { plain } from '../../text/style.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../common-options.ts'
import { endSession, lookAgain } from '../terminate/ending.ts'
import type { TerminateOptions } from '../terminate/options.ts'
import { type Plan, plan } from '../terminate/plan.ts'
import { aftermathText, previewText, resultLines } from '../terminate/text.ts'
import type { PageCommandOptions } from './options.ts'

/** What is about to be ended. */
export interface Preview {
  readonly pid: number
  readonly text: string
  /** Ends exactly what the preview shows, once. Absent if it cannot be ended. */
  readonly ticket?: string
  /** Why it should be left alone, which needs a confirmation of its own. */
  readonly caution?: string
}

export interface Endings {
  preview(pid: number): Promise<Preview>
  /** @returns the outcome as text; undefined if the ticket is used, too old, or its caution was not confirmed */
  end(ticket: string, despiteCaution: boolean): Promise<string | undefined>
}

interface Ticket {
  readonly target: ServerSession
  readonly chosen: Plan
  readonly issuedAt: number
}

const validMillis = 120_000
const mostTickets = 50

const nowhere: OriginOf = () => undefined
const layout = { style: plain }

/** Ends sessions as `terminate` does: the same preview, the same check of identity, the same outcomes. */
export function endings(invocation: Invocation, options: PageCommandOptions): Endings {
  const { wait, spare, queryText, connectTimeout } = options
  const tickets = new Map<string, Ticket>()
  const terminateOptions = (pid: number): TerminateOptions => ({
    ...{ pid, wait, queryText, connectTimeout },
    ...(spare === undefined ? {} : { spare }),
  })
  // A connection for each act: the one that looks may be lost, or busy.
  const connection = () => connect(invocation, { statementMillis: wait + 15_000 })

  return {
    async preview(pid) {
      await using control = await connection()
      const selection = terminateOptions(pid)
      const chosen = await plan(control, selection, undefined)
      const text = previewText(chosen, selection, nowhere, layout)
      const [target] = chosen.targets
      if (target === undefined) return { pid, text }
      const ticket = randomBytes(18).toString('base64url')
      tickets.set(ticket, { target, chosen, issuedAt: performance.now() })
      for (const old of [...tickets.keys()].slice(0, -mostTickets)) tickets.delete(old)
      return { pid, text, ticket, ...(chosen.caution === undefined ? {} : { caution: chosen.caution }) }
    },
    async end(ticket, despiteCaution) {
      const found = tickets.get(ticket)
      if (found === undefined || (found.chosen.caution !== undefined && !despiteCaution)) return undefined
      tickets.delete(ticket)
      if (performance.now() - found.issuedAt > validMillis) return undefined
      const { target, chosen } = found
      await using control = await connection()
      const result = await endSession(control, target, { cancelFirst: false, waitMillis: wait })
      const lines = resultLines(result, layout)
      invocation.terminal.print(`from the page: ${lines.join(' ')}`)
      if (result.outcome !== 'ended' && result.outcome !== 'gone') return lines.join('\n')
      const aftermath = await lookAgain(control, chosen)
      return [...lines, aftermathText(aftermath, terminateOptions(target.pid), nowhere, layout)].join('\n')
    },
  }
}
