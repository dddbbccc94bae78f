import type { OriginOf } from '../../postgres/report/session-origin.ts'
import { sessionReport } from '../../postgres/report/session-report.ts'
import { counted } from '../../text/layout.ts'
import { type CommandSpec, type Invocation, UsageError } from '../command.ts'
import { connect } from '../common-options.ts'
import { type ExitCode, exitCode } from '../exit-code.ts'
import { askForOrigins } from '../origins/asked-origins.ts'
import { textOptions } from '../report/text-options.ts'
import { type Aftermath, type EndResult, endSession, lookAgain } from './ending.ts'
import { type TerminateOptions, terminateOptions } from './options.ts'
import { freedPids, type Plan, plan, type Selection } from './plan.ts'
import { aftermathText, previewText, resultLines } from './text.ts'

/** The time that the preview waits for an application's lines of code. */
const patienceMillis = 2_000

export const terminate: CommandSpec = {
  name: 'terminate',
  description:
    'Ends sessions, after a preview of them and of the sessions that this frees. The transaction of an ended session is rolled back. A session that has continued its work since the preview is left alone.',
  options: terminateOptions,
  notes: `Never ended: the calling session, autovacuum, replication, and other processes of the server.
Backups (pg_dump, pg_basebackup, ...), other runs of pg-lifeguard migrate and sessions of --spare are spared by
--idle-in-transaction and --blocking. --pid can end a backup or a migration, with a separate confirmation, which
--yes does not give.

The outcome for each session: ended, signalled (the signal was sent, but the session has not ended yet), changed (it is
in another state now), gone (it ended by itself), denied (with the missing GRANT).`,
  examples: [
    ['pg-lifeguard terminate --blocking 79412', 'end the session that 79412 waits for'],
    ['pg-lifeguard terminate --idle-in-transaction 10m --dry-run', 'look first'],
    ['pg-lifeguard terminate --idle-in-transaction 10m --yes', 'from a script'],
    ['pg-lifeguard terminate --pid 65365 --cancel', 'cancel only its statement, if that is enough'],
  ],
  async run(invocation) {
    const { terminal } = invocation
    const options = invocation.options as unknown as TerminateOptions
    requireOne(options)
    using asked = askForOrigins(invocation)
    await using control = await connect(invocation, { statementMillis: options.wait + 15_000 })
    const chosen = await plan(control, options, options.database)
    const isUnattended = options.yes === true && options.dryRun !== true
    // An unattended termination does not wait for an application.
    const originOf = await asked.within(isUnattended ? 0 : patienceMillis, chosen.all)
    const layout = textOptions(invocation)
    const say = options.json === true ? () => {} : terminal.print
    // A question needs its preview, even if the output is for a program.
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
      // The connection is lost, but the results so far must be printed.
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
  if (given !== 1) throw new UsageError('Give exactly one of --pid, --idle-in-transaction and --blocking.')
}

/** Asks for confirmation. A session that policies spare needs a separate one, which `--yes` does not give. */
async function isConfirmed(
  { targets, caution }: Plan,
  { terminal }: Invocation,
  { yes }: TerminateOptions,
): Promise<boolean> {
  if (caution !== undefined) {
    const what = `pid ${targets[0]?.pid} is ${caution}`
    const answer = await terminal.confirm(`${what}. End it anyway?`)
    if (answer !== undefined) return answer
    throw new UsageError(`${what}. Ending it must be confirmed at a terminal; --yes is not enough.`)
  }
  if (yes === true) return true
  const answer = await terminal.confirm(`End ${counted(targets.length, 'session')}?`)
  if (answer === undefined)
    throw new UsageError('There is no terminal for the confirmation: add --yes, or --dry-run to look.')
  return answer
}

function codeWithoutEnding(
  { targets, refused, prepared, spared, snapshot }: Plan,
  { idleInTransaction }: Selection,
): ExitCode {
  if (targets.length + refused.length + prepared.length > 0) return exitCode.found
  // A policy that spares its only targets is done; a session that is still blocked is not.
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
