import { expect, it } from 'vitest'
import { findingKinds } from '../../src/index.ts'
import { verdictOf } from '../../src/reporters/verdict.ts'

it('calls everything that is certain a leak, but a session that somebody else has ended', () => {
  const words = findingKinds.map((kind) => [kind, verdictOf({ kind, certainty: 'certain' })])
  expect(words.filter(([, word]) => word !== 'leak')).toEqual([['session-killed', undefined]])
})

it('calls everything else suspected', () => {
  const words = findingKinds.map((kind) => verdictOf({ kind, certainty: 'suspected' }))
  expect(new Set(words)).toEqual(new Set(['suspected']))
})
