import { counted } from '../../text/layout.ts'
import { type CommandSpec, type Invocation, UsageError } from '../command.ts'
import { connect } from '../common-options.ts'
import { type ExitCode, exitCode } from '../exit-code.ts'
import { askForOrigins } from '../origins/asked-origins.ts'
import type { OriginOf } from '../origins/session-origin.ts'
import { sessionReport } from '../report/session-report.ts'
import { textOptions } from '../report/text-options.ts'
import { type Aftermath, type EndResult, endSession, lookAgain } from './ending.ts'
import { type TerminateOptions, terminateOptions } from './options.ts'
import { freedPids, type Plan, plan, type Selection } from './plan.ts'
import { aftermathText, previewText, resultLines } from './text.ts'

/** How long a person waits for an application's lines of code, before the preview is shown without them. */
const patienceMillis = 2_000

export const terminate: CommandSpec = {
  name: 'terminate',
  description:
    'Ends sessions, after a preview of who they are and who is freed. The transaction of a session that is ended is rolled back. A session that has gone on with its work since the preview is left alone.',
  options: terminateOptions,
  notes: `Never ended: the session that asks, autovacuum, replication, and other processes of the server.
Backups (pg_dump, pg_basebackup, ...), other runs of pg-lifeguard migrate and what --spare names are spared by
--idle-in-transaction and --blocking. --pid ends a backup or a migration after a question of its own, which
--yes does not answer.

The outcome of each: ended, signalled (the signal was sent, and the session is still there), changed (it does
something else by now), gone (it ended by itself), denied (with the GRANT that is missing).`,
  examples: [
    ['pg-lifeguard terminate --blocking 79412', 'end the session that 79412 waits for'],
    ['pg-lifeguard terminate --idle-in-transaction 10m --dry-run', 'look first'],
    ['pg-lifeguard terminate --idle-in-transaction 10m --yes', 'from a script'],
    ['pg-lifeguard terminate --pid 65365 --cancel', 'try with its statement alone'],
  ],
  async run(invocation) {
    const { terminal } = invocation
    const options = invocation.options as unknown as TerminateOptions
    requireOne(options)
    using asked = askForOrigins(invocation)
    await using control = await connect(invocation, { statementMillis: options.wait + 15_000 })
    const chosen = await plan(control, options, options.database)
    const isUnattended = options.yes === true && options.dryRun !== true
    // Nothing that is about to be done waits for an application.
    const originOf = await asked.within(isUnattended ? 0 : patienceMillis, chosen.all)
    const layout = textOptions(invocation)
    const say = options.json === true ? () => {} : terminal.print
    // A question needs its preview, also where the output is for a program.
    const preview = options.json === true && options.yes !== true ? terminal.warn : say
    preview(previewText(chosen, options, originOf, layout))

    const results: EndResult[] = [...chosen.refused]
    const print = async (aftermath?: Aftermath) => {
      if (options.json !== true) return
      const known = await asked.within(0, chosen.all)
      terminal.print(JSON.stringify(toJson(chosen, results, aftermath, options, known), null, 2))
    }
    if (chosen.targets.length === 0 || options.dryRun === true) {
      await print()
      return codeWithoutEnding(chosen, options)
    }
    if (!(await isConfirmed(chosen, invocation, options))) {
      terminal.warn('Nothing was done.')
      return exitCode.found
    }
    try {
      for (const target of chosen.targets) {
        const result = await endSession(control, target, {
          cancelFirst: options.cancel === true,
          waitMillis: options.wait,
        })
        results.push(result)
        say(resultLines(result, layout).join('\n'))
      }
    } catch (error) {
      // The connection is lost: what was done until then must not be.
      await print()
      throw error
    }
    const aftermath = await lookAgain(control, chosen)
    say(aftermathText(aftermath, options, originOf, layout))
    await print(aftermath)
    return codeOf(results, chosen, aftermath)
  },
}

function requireOne({ pid, idleInTransaction, blocking }: Selection): void {
  const given = [pid, idleInTransaction, blocking].filter((value) => value !== undefined).length
  if (given !== 1)
    throw new UsageError('One of --pid, --idle-in-transaction and --blocking is needed, and only one.')
}

/** A session that policies spare takes a question of its own, which `--yes` does not answer. */
async function isConfirmed(
  { targets, caution }: Plan,
  { terminal }: Invocation,
  { yes }: TerminateOptions,
): Promise<boolean> {
  if (caution !== undefined) {
    const what = `pid ${targets[0]?.pid} is ${caution}`
    const answer = await terminal.confirm(`${what}. End it all the same?`)
    if (answer !== undefined) return answer
    throw new UsageError(`${what}. To end it needs an answer at a terminal; --yes is not enough.`)
  }
  if (yes === true) return true
  const answer = await terminal.confirm(`End ${counted(targets.length, 'session')}?`)
  if (answer === undefined)
    throw new UsageError('There is no terminal to ask at: add --yes, or --dry-run to look.')
  return answer
}

function codeWithoutEnding(
  { targets, refused, prepared, spared, snapshot }: Plan,
  { idleInTransaction }: Selection,
): ExitCode {
  if (targets.length + refused.length + prepared.length > 0) return exitCode.found
  // A policy that spares has nothing left to do; somebody who waits still does.
  if (idleInTransaction === undefined) return spared.length > 0 ? exitCode.found : exitCode.clean
  return snapshot.hiddenSessions > 0 ? exitCode.notAllVisible : exitCode.clean
}

function codeOf(results: readonly EndResult[], { prepared }: Plan, { stillBlocked }: Aftermath): ExitCode {
  const isDone = results.every(({ outcome }) => outcome === 'ended' || outcome === 'gone')
  return isDone && stillBlocked.length + prepared.length === 0 ? exitCode.clean : exitCode.found
}

function toJson(
  { targets, tree, snapshot, prepared, spared }: Plan,
  results: readonly EndResult[],
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
    spared: spared.map(({ session, reason }) => ({
      ...sessionReport(session, snapshot, { queryText, originOf }),
      spared: reason,
    })),
    prepared,
    results,
    ...(aftermath === undefined ? {} : { free: aftermath.free, stillBlocked: aftermath.stillBlocked }),
  }
}
