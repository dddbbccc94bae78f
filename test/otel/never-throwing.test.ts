import { expect, it } from 'vitest'
import { neverThrowing } from '../../src/otel/never-throwing.ts'

it('returns what the call returns', () => {
  expect(neverThrowing(() => 'recorded')).toBe('recorded')
})

it('drops what the call throws', () => {
  const broken = () => {
    throw new Error('the exporter is broken')
  }
  expect(neverThrowing(broken)).toBeUndefined()
})
