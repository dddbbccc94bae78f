import type { ServerSession, SignalResult } from '../../postgres/index.ts'
import { quoteText } from '../../postgres/quote.ts'
import { describeMillis } from '../../text/duration.ts'
import { counted } from '../../text/layout.ts'
import { oneLine } from '../../text/safe-text.ts'
import { type CommandSpec, type Invocation, UsageError } from '../command.ts'
import { type CommonOptions, connect, connectionOptions, outputOptions } from '../common-options.ts'
import { type ExitCode, exitCode } from '../exit-code.ts'
import { parseDuration, parsePid, parseTimeout } from '../option-values.ts'
import { originOptions, originSources } from '../origins/origin-options.ts'
import type { OriginOf } from '../origins/session-origin.ts'
import { sessionReport } from '../report/session-report.ts'
import { listLines } from '../report/session-text.ts'
import { type Aftermath, end, freedPids, lookAgain, type Plan, plan, type Selection } from './termination.ts'

interface TerminateOptions extends CommonOptions, Selection {
  readonly yes?: boolean
  readonly dryRun?: boolean
  readonly cancel?: boolean
  readonly wait: number
}

/** As many are named one by one. */
const mostPids = 12

type Result = SignalResult & { readonly cancelled?: boolean }

export const terminate: CommandSpec = {
  name: 'terminate',
  description:
    'Ends sessions, after it has shown who they are and who is freed. The transaction of a session that is ended is rolled back. A session that has gone on with its work since it was shown is left alone.',
  options: [
    { flags: '--pid <pid>', description: 'this session', parse: parsePid },
    {
      flags: '--idle-in-transaction <duration>',
      description: 'all that are idle in a transaction for so long',
      parse: parseDuration,
    },
    {
      flags: '--blocking <pid>',
      description: 'whoever this session has to wait for, at the very front',
      parse: parsePid,
    },
    { flags: '--yes', description: 'do not ask; needed where there is no terminal' },
    { flags: '--dry-run', description: 'only show whom it would end' },
    {
      flags: '--cancel',
      description: 'cancel the statement first, and end the session only if it still blocks',
    },
    {
      flags: '--wait <duration>',
      description: 'how long to wait until a session is gone',
      parse: parseTimeout,
      default: '5s',
    },
    ...connectionOptions,
    ...originOptions,
    ...outputOptions,
  ],
  notes: `Never ended: the session that asks, autovacuum, replication, and other processes of the server.
What comes of each is told as it is: ended, signalled (told, and still there), changed (it does something
else by now), gone (it ended by itself), denied (with the GRANT that is missing).`,
  examples: [
    ['pg-lifeguard terminate --blocking 79250', 'free session 79250'],
    ['pg-lifeguard terminate --idle-in-transaction 5m --database shop --yes', 'in a script'],
    ['pg-lifeguard terminate --pid 65365 --cancel', 'try with its statement alone'],
  ],
  async run(invocation) {
    const { terminal } = invocation
    const options = invocation.options as unknown as TerminateOptions
    requireOne(options)
    await using control = await connect(invocation, { statementMillis: options.wait + 15_000 })
    const sources = await originSources(invocation)
    const chosen = await plan(control, options, options.database)
    const originOf = sources(chosen.all)
    const say = options.json === true ? () => {} : terminal.print
    // Whoever is asked must see what for, also where the output is for a program.
    const preview = options.json === true && options.yes !== true ? terminal.warn : say
    preview(previewText(chosen, options, originOf, invocation))

    const results: Result[] = [...chosen.refused]
    const print = (aftermath?: Aftermath) => {
      if (options.json !== true) return
      const json = toJson(chosen, results, aftermath, options, originOf)
      terminal.print(JSON.stringify(json, null, 2))
    }
    if (chosen.targets.length === 0 || options.dryRun === true) {
      print()
      const isNothing = chosen.targets.length + chosen.refused.length + chosen.prepared.length === 0
      if (!isNothing) return exitCode.found
      return options.idleInTransaction !== undefined && chosen.snapshot.hiddenSessions > 0
        ? exitCode.notAllVisible
        : exitCode.clean
    }
    if (options.yes !== true) {
      const answer = await terminal.confirm(`End ${counted(chosen.targets.length, 'session')}?`)
      if (answer === undefined)
        throw new UsageError('There is no terminal to ask at: add --yes, or --dry-run to look.')
      if (!answer) {
        terminal.warn('Nothing was done.')
        return exitCode.found
      }
    }
    try {
      for (const target of chosen.targets) {
        const result = await end(control, target, {
          cancelFirst: options.cancel === true,
          waitMillis: options.wait,
        })
        results.push(result)
        say(resultText(result, terminal.style))
      }
    } catch (error) {
      // The connection is lost: what was done until then must not be.
      print()
      throw error
    }
    const aftermath = await lookAgain(control, chosen)
    say(aftermathText(aftermath, options, originOf, invocation))
    print(aftermath)
    return codeOf(results, chosen, aftermath)
  },
}

function requireOne({ pid, idleInTransaction, blocking }: Selection): void {
  const given = [pid, idleInTransaction, blocking].filter((value) => value !== undefined).length
  if (given !== 1)
    throw new UsageError('One of --pid, --idle-in-transaction and --blocking is needed, and only one.')
}

function codeOf(results: readonly Result[], { prepared }: Plan, { stillBlocked }: Aftermath): ExitCode {
  const isDone = results.every(({ outcome }) => outcome === 'ended' || outcome === 'gone')
  return isDone && stillBlocked.length + prepared.length === 0 ? exitCode.clean : exitCode.found
}

function previewText(
  { targets, refused, prepared, tree, snapshot }: Plan,
  options: TerminateOptions,
  originOf: OriginOf,
  { terminal }: Invocation,
): string {
  const { style } = terminal
  const lines = targets.flatMap((target) => [
    ...listLines(
      sessionReport(target, snapshot, { queryText: options.queryText, originOf }),
      layout(terminal),
    ),
    `  ${consequence(target, freedPids(tree, target), options)}`,
    '',
  ])
  for (const result of refused) lines.push(resultText(result, style))
  for (const { gid, database } of prepared) {
    lines.push(
      `prepared transaction '${oneLine(gid)}' has no session. To end it, in database ${oneLine(database)}:`,
      `  ${style('cyan', `ROLLBACK PREPARED ${quoteText(oneLine(gid))}`)}; or COMMIT PREPARED`,
    )
  }
  if (lines.length === 0) lines.push(noneText(options))
  if (options.idleInTransaction !== undefined && snapshot.missingGrant !== undefined) {
    const hidden = counted(snapshot.hiddenSessions, 'session')
    lines.push(style('yellow', `${hidden} cannot be seen by this role. To see all: ${snapshot.missingGrant}`))
  }
  return lines.join('\n').trimEnd()
}

function noneText({ blocking, idleInTransaction }: TerminateOptions): string {
  if (blocking !== undefined) return `pid ${blocking} waits for nobody.`
  return `No session is idle in a transaction for ${describeMillis(idleInTransaction ?? 0)} or longer.`
}

function consequence(target: ServerSession, freed: readonly number[], { cancel }: TerminateOptions): string {
  const open = target.transactionMillis
  const isActive = target.state === 'active'
  const what =
    open === undefined && target.state !== 'idle in transaction (aborted)'
      ? 'no transaction is lost'
      : `its transaction${open === undefined ? '' : `, open for ${describeMillis(open)},`} is rolled back`
  const how = cancel === true && isActive ? 'its statement is cancelled' : what
  const note = cancel === true && !isActive ? ' (it runs no statement that could be cancelled)' : ''
  return freed.length === 0
    ? `${how}; nobody waits for it alone${note}`
    : `${how}; ${counted(freed.length, 'session')} freed: ${pidsText(freed)}${note}`
}

function pidsText(pids: readonly number[]): string {
  const named = pids.slice(0, mostPids).map((pid) => `pid ${pid}`)
  const more = pids.length - named.length
  return `${named.join(', ')}${more === 0 ? '' : ` and ${more} more`}`
}

function resultText(
  { pid, outcome, detail, grant, cancelled }: Result,
  style: Invocation['terminal']['style'],
): string {
  const isGood = outcome === 'ended'
  const word = cancelled === true && isGood ? 'its statement ended, the session lives on' : outcome
  const more = detail === undefined ? '' : `: ${oneLine(detail)}`
  const missing = grant === undefined ? '' : `\n  ${style('cyan', grant)}`
  return `${style('bold', `pid ${pid}`)}  ${style(isGood ? 'green' : 'yellow', word)}${more}${missing}`
}

function aftermathText(
  { free, stillBlocked, snapshot, tree }: Aftermath,
  { queryText }: TerminateOptions,
  originOf: OriginOf,
  { terminal }: Invocation,
): string {
  const { style } = terminal
  const lines: string[] = []
  if (free.length > 0) {
    const all = stillBlocked.length === 0
    const who = all && free.length > 1 ? `All ${free.length} sessions` : counted(free.length, 'session')
    lines.push(style('green', `${who} that waited ${free.length === 1 ? 'is' : 'are'} free.`))
  }
  if (stillBlocked.length > 0) {
    const roots = [...new Set(stillBlocked.flatMap((one) => one.roots))]
    const pids = pidsText(stillBlocked.map(({ pid }) => pid))
    lines.push(style('red', `${counted(stillBlocked.length, 'session')} still blocked (${pids}), behind:`))
    for (const { id, session } of tree.nodes.filter((node) => roots.includes(node.id))) {
      const report = session && sessionReport(session, snapshot, { queryText, originOf })
      lines.push(...(report ? listLines(report, layout(terminal)) : [id]).map((line) => `  ${line}`))
    }
  }
  if (lines.length === 0) lines.push('Nobody waited for it.')
  return lines.join('\n')
}

function toJson(
  { targets, tree, snapshot, prepared }: Plan,
  results: readonly Result[],
  aftermath: Aftermath | undefined,
  { dryRun, queryText }: TerminateOptions,
  originOf: OriginOf,
) {
  return {
    dryRun: dryRun === true,
    targets: targets.map((target) => ({
      ...sessionReport(target, snapshot, { queryText, originOf }),
      frees: freedPids(tree, target),
    })),
    prepared,
    results,
    ...(aftermath === undefined ? {} : { free: aftermath.free, stillBlocked: aftermath.stillBlocked }),
  }
}

function layout({ style, columns }: Invocation['terminal']) {
  return { style, ...(columns === undefined ? {} : { columns }) }
}
