import { expect, it, onTestFinished } from 'vitest'
import { guardedSource, slonikGuardOf } from '../../../src/hosts/slonik/guarded-source.ts'
import { lifeguardSlonik } from '../../../src/hosts/slonik/lifeguard-slonik.ts'
import { createLifeguard } from '../../../src/index.ts'
import { createToySlonik } from './toy-slonik.ts'

it('finds the guard of a pool by its driver factory, and the pools of the guard', async () => {
  const lifeguard = createLifeguard({ reporters: [] })
  onTestFinished(() => lifeguard.close())
  const pool = await createToySlonik(lifeguardSlonik(lifeguard, { driverFactory: async () => ({}) }))
  const guard = slonikGuardOf(pool)
  expect(guardedSource(guard)?.hosts()).toHaveLength(1)
  expect(guardedSource(pool)).toBeUndefined()
})

it('finds none in anything else', async () => {
  const pool = await createToySlonik({ driverFactory: async () => ({}) })
  for (const other of [pool, {}, null, undefined, 'pool']) expect(slonikGuardOf(other)).toBeUndefined()
  for (const other of [pool, {}, null, undefined, 'pool']) expect(guardedSource(other)).toBeUndefined()
})
