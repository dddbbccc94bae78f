import { expect } from 'vitest'
import type { TestDatabase } from '../support/database.ts'
import { runCrowd } from './concurrent.ts'
import { runSequence } from './sequence.ts'

/** Each run is of the same length, so that its seed alone says what happens. */
const steps = 100
const lives = 60

type Runs = (database: TestDatabase, seeds: readonly number[]) => Promise<void>

export const observedAsBare: Runs = async (database, seeds) => {
  for (const seed of seeds) {
    const options = { seed, database, steps, correct: false }
    const bare = await runSequence({ ...options, mode: 'bare' })
    const observed = await runSequence({ ...options, mode: 'observe' })
    expect(observed.transcript, `seed ${seed}`).toEqual(bare.transcript)
    expect(observed.sent, `seed ${seed}`).toEqual(bare.sent)
  }
}

export const enforced: Runs = async (database, seeds) => {
  for (const seed of seeds) {
    await runSequence({ seed, database, steps, correct: false, mode: 'enforce' })
  }
}

export const correctAsBare: Runs = async (database, seeds) => {
  for (const seed of seeds) {
    const options = { seed, database, steps, correct: true }
    const bare = await runSequence({ ...options, mode: 'bare' })
    for (const mode of ['observe', 'enforce'] as const) {
      const guarded = await runSequence({ ...options, mode })
      expect(guarded.transcript, `seed ${seed}, ${mode}`).toEqual(bare.transcript)
      expect(guarded.sent, `seed ${seed}, ${mode}`).toEqual(bare.sent)
    }
  }
}

/** Many owners at once: what happens cannot be replayed to the letter. */
export const crowds =
  (correct: boolean): Runs =>
  async (database, seeds) => {
    for (const seed of seeds) {
      await runCrowd({ seed, database, lives, correct, mode: 'observe' })
      await runCrowd({ seed, database, lives, correct, mode: 'enforce' })
    }
  }
