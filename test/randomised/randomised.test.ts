import { expect, it, onTestFinished } from 'vitest'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { runCrowd } from './concurrent.ts'
import { runSequence } from './sequence.ts'

/** Multiplies the number of runs; each is of the same length, so that its seed alone says what happens. */
const length = Number(process.env.PGLIFEGUARD_STEPS ?? 1)
const stepsPerRun = 100
const livesPerRun = 60

/**
 * The same ones each time, so that a change is judged by what it does and not by luck; `PGLIFEGUARD_SEED=random` goes
 * hunting, and a number replays one.
 */
function seeds(runs: number): readonly number[] {
  const given = process.env.PGLIFEGUARD_SEED
  if (given !== undefined && given !== 'random') return [Number(given)]
  const first = given === 'random' ? Math.floor(Math.random() * 1e9) : 1
  return Array.from({ length: Math.ceil(runs * length) }, (_, index) => first + index)
}

const timeout = 180_000 * Math.max(1, length)

/** Of its own for each test: what a run that has timed out leaves, and still does, harms no other. */
async function freshDatabase(): Promise<TestDatabase> {
  const database = await createDatabase()
  onTestFinished(() => database.drop())
  return database
}

it('changes nothing that a program sees in observe, and reports every leak once', { timeout }, async () => {
  const database = await freshDatabase()
  for (const seed of seeds(6)) {
    const options = { seed, database, steps: stepsPerRun, correct: false }
    const bare = await runSequence({ ...options, mode: 'bare' })
    const observed = await runSequence({ ...options, mode: 'observe' })
    expect(observed.transcript, `seed ${seed}`).toEqual(bare.transcript)
    expect(observed.sent, `seed ${seed}`).toEqual(bare.sent)
  }
})

it('frees what leaks in enforce, loses no slot and lets no row of a lost transaction persist', {
  timeout,
}, async () => {
  const database = await freshDatabase()
  for (const seed of seeds(6)) {
    await runSequence({ seed, database, steps: stepsPerRun, correct: false, mode: 'enforce' })
  }
})

it('finds nothing in a correct program and changes nothing for it, in either mode', { timeout }, async () => {
  const database = await freshDatabase()
  for (const seed of seeds(4)) {
    const options = { seed, database, steps: stepsPerRun, correct: true }
    const bare = await runSequence({ ...options, mode: 'bare' })
    for (const mode of ['observe', 'enforce'] as const) {
      const guarded = await runSequence({ ...options, mode })
      expect(guarded.transcript, `seed ${seed}, ${mode}`).toEqual(bare.transcript)
      expect(guarded.sent, `seed ${seed}, ${mode}`).toEqual(bare.sent)
    }
  }
})

// Real concurrency cannot be replayed to the letter, so these two hunt only when they are asked to.
const isHunting = process.env.PGLIFEGUARD_SEED !== undefined

it.runIf(isHunting)(
  'loses no slot, no row and no finding among many owners at once',
  { timeout },
  async () => {
    const database = await freshDatabase()
    for (const seed of seeds(8)) {
      await runCrowd({ seed, database, lives: livesPerRun, correct: false, mode: 'observe' })
      await runCrowd({ seed, database, lives: livesPerRun, correct: false, mode: 'enforce' })
    }
  },
)

it.runIf(isHunting)('finds nothing in many correct owners at once', { timeout }, async () => {
  const database = await freshDatabase()
  for (const seed of seeds(4)) {
    await runCrowd({ seed, database, lives: livesPerRun, correct: true, mode: 'observe' })
    await runCrowd({ seed, database, lives: livesPerRun, correct: true, mode: 'enforce' })
  }
})
