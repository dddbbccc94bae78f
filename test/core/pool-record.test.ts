import { expect, it } from 'vitest'
import { describePool } from '../../src/core/pool-record.ts'

it('names a pool without saying pool twice', () => {
  expect(['orders', 'pool', 'pool-2', 'pool of orders'].map(describePool)).toEqual([
    'pool orders',
    'pool',
    'pool-2',
    'pool pool of orders',
  ])
})
