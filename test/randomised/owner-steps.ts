import { accidents } from './accident-steps.ts'
import { execute, executeAndRelease, readState, release, releaseUnawaited, sessionOf } from './acts.ts'
import { cursors, flights } from './flight-steps.ts'
import { isFree, transactionIs, usable } from './owner-conditions.ts'
import type { Owner } from './owners.ts'
import * as sql from './server-session.ts'
import { ownerStep, type Step } from './steps.ts'
import type { World } from './world.ts'

function statementStep(
  statement: sql.Statement,
  weight: number,
  correct: boolean | ((world: World, owner: Owner) => boolean),
): Step {
  return ownerStep({
    weight,
    // Whoever has lost its session goes on using it now and then.
    when: (world, owner) =>
      (isFree(world, owner) || owner.phase === 'destroyed') && (weight > 2 || !sessionOf(owner).gone),
    correct,
    take: (world, owner) => execute(world, owner, statement),
  })
}

const inTransaction = transactionIs('open')

const statements: Step[] = [
  statementStep(sql.begin, 8, transactionIs('idle')),
  statementStep(sql.insertRow, 10, usable),
  statementStep(sql.select, 4, usable),
  statementStep(sql.divide, 3, usable),
  statementStep(sql.insertOrphan, 1, usable),
  statementStep(sql.commit, 6, inTransaction),
  statementStep(sql.commitAndChain, 1, inTransaction),
  statementStep(sql.rollback, 5, transactionIs('open', 'failed')),
  statementStep(sql.savepoint, 2, inTransaction),
  statementStep(sql.rollbackToSavepoint, 2, (_, { session }) => (session?.savepoints.length ?? 0) > 0),
  statementStep(sql.goodScript, 2, transactionIs('idle')),
  statementStep(sql.failingScript, 2, transactionIs('idle')),
]

const states: Step[] = [
  ownerStep({
    weight: 4,
    when: setsState,
    correct: false,
    async take(world, owner) {
      await execute(world, owner, sql.setState)
      owner.leavesState = true
    },
  }),
  ownerStep({
    weight: 1,
    when: setsState,
    correct: true,
    take: (world, owner) => execute(world, owner, sql.setAndReset),
  }),
  ownerStep({
    weight: 3,
    when: (world, owner) => isFree(world, owner) && !owner.fenced && usable(world, owner),
    correct: true,
    take: readState,
  }),
]

function setsState(world: World, owner: Owner): boolean {
  // Of a setting that was set twice nothing is claimed without proof.
  return isFree(world, owner) && !owner.fenced && !owner.leavesState && transactionIs('idle')(world, owner)
}

/** Statements after which a correct program may release at once. */
const lastStatements = [sql.commit, sql.rollback, sql.divide, sql.select, sql.goodScript, sql.failingScript]

function endsClean({ session }: Owner, statement: sql.Statement): boolean {
  if (session === undefined || session.gone) return false
  const { transaction } = session
  if (statement === sql.rollback) return transaction !== 'idle'
  if (statement === sql.commit) return transaction === 'open'
  return transaction === 'idle' && statement !== sql.failingScript
}

const releases: Step[] = [
  ownerStep({
    weight: 10,
    when: isFree,
    correct: transactionIs('idle'),
    take: (world, owner) => release(world, owner),
  }),
  ownerStep({
    weight: 1,
    when: (world, owner) => isFree(world, owner),
    correct: true,
    take: (world, owner) => release(world, owner, world.random.pick([true, new Error('out of order')])),
  }),
  ...lastStatements.map((statement) =>
    ownerStep({
      weight: 0.7,
      when: (world, owner) => isFree(world, owner) && !owner.fenced && !sessionOf(owner).gone,
      correct: (_world, owner) => endsClean(owner, statement),
      take: (world, owner) => executeAndRelease(world, owner, statement),
    }),
  ),
  ownerStep({
    weight: 2,
    when: (world, owner) => isFree(world, owner) && !owner.fenced && !sessionOf(owner).gone,
    correct: false,
    take(world, owner) {
      const one = () => world.random.pick([sql.begin, sql.insertRow, sql.commit, sql.select, sql.divide])
      return releaseUnawaited(world, owner, world.random.chance(0.7) ? [one()] : [one(), one()])
    },
  }),
  // Twice, or late.
  ownerStep({
    weight: 2,
    when: (world, owner) => owner.phase === 'over' && world.releases.has(owner),
    correct: false,
    take: (world, owner) => release(world, owner),
  }),
  ownerStep({
    weight: 6,
    when: (_world, { phase }) => phase === 'destroyed',
    correct: false,
    take: (world, owner) => release(world, owner),
  }),
]

export const ownerSteps: readonly Step[] = [
  ...statements,
  ...states,
  ...releases,
  ...flights,
  ...cursors,
  ...accidents,
]
