import { expect, it } from 'vitest'
import { lossesOf } from '../../bench/soak/report.ts'
import { soak } from '../../bench/soak/soak.ts'
import { findingKinds } from '../../src/index.ts'

it('loses no slot, row or finding in a service under load and under fire, in either mode', async () => {
  // Long enough for each kind of leak once.
  const course = await soak({ minutes: 0.6, seed: 11, clients: 2 })

  const mistakes = course.trials.flatMap(({ injections }) => injections?.mistakes ?? [])
  expect(mistakes).toEqual([])
  expect(lossesOf(course)).toEqual([])
  for (const { mode, injections } of course.trials) {
    if (injections === undefined) continue
    expect(injections.injected, mode).toBeGreaterThanOrEqual(findingKinds.length)
    expect(injections.count('found'), mode).toBeGreaterThanOrEqual(findingKinds.length / 2)
  }
}, 600_000)
