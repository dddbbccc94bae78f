import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { distinctFindings, fileOf, placeOf } from '../../src/reporters/place.ts'
import { sampleFinding, without } from './sample-findings.ts'

const frame = { file: '/app/src/orders.ts', line: 12, column: 29 }
const at = (line: number) => ({ ...frame, line, frames: [] })

describe('the line of a finding', () => {
  it('is that of the event, or else of the checkout, or else of BEGIN', () => {
    const all = sampleFinding({ eventOrigin: at(1), origin: at(2), transactionOrigin: at(3) })
    expect(placeOf(all)?.line).toBe(1)
    expect(placeOf(without(all, 'eventOrigin'))?.line).toBe(2)
    expect(placeOf(without(all, 'eventOrigin', 'origin'))?.line).toBe(3)
    expect(placeOf(without(all, 'eventOrigin', 'origin', 'transactionOrigin'))).toBeUndefined()
    expect(placeOf(undefined)).toBeUndefined()
  })

  it('has a file relative to the working directory where it is below it', () => {
    expect(fileOf({ ...at(1), file: join(process.cwd(), 'src', 'orders.ts') })).toBe('src/orders.ts')
    expect(fileOf({ ...at(1), file: '/elsewhere/orders.ts' })).toBe('/elsewhere/orders.ts')
  })
})

it('one finding stands for all of one fingerprint: the first', () => {
  const first = sampleFinding()
  const again = sampleFinding({ id: 'f2', occurrences: 2 })
  const other = sampleFinding({ id: 'f3', fingerprint: 'elsewhere' })
  expect(distinctFindings([first, again, other]).map(({ id }) => id)).toEqual(['f1', 'f3'])
})
