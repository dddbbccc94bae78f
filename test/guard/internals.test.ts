import { describe, expect, it } from 'vitest'
import { internalsOf, internalsVersion } from '../../src/guard/internals.ts'
import { createLifeguard, manualClock } from '../../src/index.ts'

const key = Symbol.for('pg-lifeguard.internals')

describe('the internals of a lifeguard', () => {
  it('hang on the lifeguard, where another copy of the package finds them', () => {
    const lifeguard = createLifeguard({ clock: manualClock(), reporters: [] })
    expect(internalsOf(lifeguard)).toBe(Reflect.get(lifeguard, key))
    expect(internalsOf(lifeguard)).toMatchObject({ version: internalsVersion })
  })

  it('are no part of what the application sees', () => {
    const lifeguard = createLifeguard({ clock: manualClock(), reporters: [] })
    expect(Object.keys({ ...lifeguard })).not.toContain('pg-lifeguard.internals')
    expect(Object.getOwnPropertyDescriptor(lifeguard, key)).toMatchObject({
      enumerable: false,
      writable: false,
    })
  })

  it.each([{}, { [key]: { version: internalsVersion + 1 } }, { [key]: undefined }])(
    'are not those of anything else, nor of another version: %o',
    (other) => {
      expect(internalsOf(other)).toBeUndefined()
    },
  )
})
