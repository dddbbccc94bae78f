import vm from 'node:vm'
import { afterEach, describe, expect, expectTypeOf, it } from 'vitest'
import { readOptions } from '../../../src/core/options/read.ts'
import type { OptionTable, Row } from '../../../src/core/options/rows.ts'
import { OptionError } from '../../../src/errors.ts'

interface Options {
  readonly mode?: 'quiet' | 'loud'
  readonly waitMillis?: number | false
  readonly token?: string
  readonly names?: readonly string[] | string
  readonly nested?: { readonly on?: boolean; readonly depthMillis?: number }
  readonly extra?: { readonly name: string } | false
}

const table = {
  whole: 'act(options)',
  prefix: 'act.',
  rows: {
    mode: { kind: 'choice', values: ['quiet', 'loud'], default: 'quiet' },
    waitMillis: { kind: 'millis', off: true, default: 1000 },
    token: { kind: 'string' },
    names: { kind: 'array', of: { kind: 'string' }, single: true, default: [] },
    nested: {
      kind: 'options',
      rows: { on: { kind: 'boolean', default: true }, depthMillis: { kind: 'millis' } },
      default: {},
    },
    extra: { kind: 'options', rows: { name: { kind: 'string', required: true } }, off: true },
  },
} as const satisfies OptionTable<Options>

const read = (options: unknown) => readOptions(table, options as Options)

/** Whether a single row takes a value, and what it says otherwise. */
function judged(row: Row, value: unknown): unknown {
  const one = { whole: 'it', prefix: '', rows: { it: { ...row, required: true } } } as never
  try {
    return (readOptions(one, { it: value }) as { it: unknown }).it
  } catch (error) {
    if (error instanceof OptionError) return error.message
    throw error
  }
}

describe('options that are read', () => {
  it('have every name, with its default where there is one', () => {
    expect(read({})).toEqual({
      mode: 'quiet',
      waitMillis: 1000,
      token: undefined,
      names: [],
      nested: { on: true, depthMillis: undefined },
      extra: undefined,
    })
    expect(Object.keys(read({}))).toEqual(Object.keys(table.rows))
  })

  it('have what was given, and defaults beside it', () => {
    expect(
      read({ mode: 'loud', waitMillis: false, nested: { depthMillis: 5 }, extra: { name: 'x' } }),
    ).toMatchObject({
      mode: 'loud',
      waitMillis: false,
      nested: { on: true, depthMillis: 5 },
      extra: { name: 'x' },
    })
  })

  it('take undefined for what is not given, also inside', () => {
    const undefinedOnes = { mode: undefined, nested: { on: undefined }, extra: undefined }
    expect(read(undefinedOnes)).toEqual(read({}))
  })

  it('are a copy: what the caller changes later is not seen', () => {
    const given = { names: ['a'], nested: { on: false } }
    const settled = read(given)
    given.names.push('b')
    given.nested.on = true
    expect(settled).toMatchObject({ names: ['a'], nested: { on: false } })
  })

  it('take one for an array of one, where the row says so', () => {
    expect(read({ names: 'a' }).names).toEqual(['a'])
    expect(judged({ kind: 'array', of: { kind: 'string' } }, 'a')).toBe('it must be an array, got "a"')
  })

  it('have the types of their rows', () => {
    const settled = readOptions(table, {} as Options)
    expectTypeOf(settled.mode).toEqualTypeOf<'quiet' | 'loud'>()
    expectTypeOf(settled.waitMillis).toEqualTypeOf<number | false>()
    expectTypeOf(settled.token).toEqualTypeOf<string | undefined>()
    expectTypeOf(settled.names).toEqualTypeOf<readonly string[]>()
    expectTypeOf(settled.nested.on).toEqualTypeOf<boolean>()
    expectTypeOf(settled.nested.depthMillis).toEqualTypeOf<number | undefined>()
    expectTypeOf(settled.extra).toEqualTypeOf<{ readonly name: string } | false | undefined>()
  })

  it('may come from another realm, as in a test that runs in a context of node:vm', () => {
    expect(read(vm.runInNewContext('({ mode: "loud", names: ["a"] })'))).toMatchObject({
      mode: 'loud',
      names: ['a'],
    })
    const pattern = vm.runInNewContext('/a/')
    expect(judged({ kind: 'string', or: 'RegExp' }, pattern)).toBe(pattern)
  })

  it('may have no prototype', () => {
    expect(read(Object.assign(Object.create(null), { mode: 'loud' })).mode).toBe('loud')
  })
})

describe('a table', () => {
  it('has a row for each option, of a kind that fits its type', () => {
    const { rows } = table
    const spare = { ...rows, more: { kind: 'boolean' } } as const
    const wrong = { ...rows, mode: { kind: 'choice', values: ['quiet', 'shrill'] } } as const
    const { token: _token, ...missing } = rows
    const notOff = { ...rows, waitMillis: { kind: 'millis' } } as const
    // @ts-expect-error it has no such option
    expectTypeOf({ ...table, rows: { ...spare, more: { kind: 'boolean' } } } satisfies OptionTable<Options>)
    // @ts-expect-error the type has no such value
    expectTypeOf(wrong).toExtend<OptionTable<Options>['rows']>()
    // @ts-expect-error an option has no row
    expectTypeOf(missing).toExtend<OptionTable<Options>['rows']>()
    // @ts-expect-error the type allows false, and the row does not
    expectTypeOf(notOff).toExtend<OptionTable<Options>['rows']>()
    expectTypeOf(rows).toExtend<OptionTable<Options>['rows']>()
  })
})

describe('an unknown name', () => {
  it.each([
    [{ mod: 1 }, 'act.mod', 'unknown option act.mod; did you mean act.mode? (got 1)'],
    [
      { waitmillis: 1 },
      'act.waitmillis',
      'unknown option act.waitmillis; did you mean act.waitMillis? (got 1)',
    ],
    [
      { nested: { deptMillis: 7 } },
      'act.nested.deptMillis',
      'unknown option act.nested.deptMillis; did you mean act.nested.depthMillis? (got 7)',
    ],
    [
      { depthMillis: 7 },
      'act.depthMillis',
      'unknown option act.depthMillis; did you mean act.nested.depthMillis? (got 7)',
    ],
    [
      { somethingElse: null },
      'act.somethingElse',
      'unknown option act.somethingElse; known are mode, waitMillis, token, names, nested, extra (got null)',
    ],
    [{ toString: 1 }, 'act.toString', /^unknown option act\.toString; known are /],
    [JSON.parse('{ "__proto__": 1 }'), 'act.__proto__', /^unknown option act\.__proto__; known are /],
  ])('is refused, with the nearest one: %j', (options, option, message) => {
    expect(() => read(options)).toThrow(expect.objectContaining({ option, code: 'LIFEGUARD_OPTION' }))
    expect(() => read(options)).toThrow(message)
  })

  it('is reported before a value that cannot work', () => {
    expect(() => read({ mode: 'x', mod: 1 })).toThrow('act.mod')
  })
})

describe('a value', () => {
  it.each<[Row, readonly unknown[], readonly unknown[]]>([
    [{ kind: 'boolean' }, [true, false], [1, 'true', null]],
    [{ kind: 'millis' }, [1, 0.5, 2 ** 31 - 1], [0, -1, 2 ** 31, Number.NaN, '5', false, null]],
    [{ kind: 'millis', off: true }, [1, false], [0, true]],
    [{ kind: 'millis', zero: true, most: 10 }, [0, 10], [-1, 10.5]],
    [{ kind: 'millis', whole: true }, [1], [1.5]],
    [{ kind: 'count', least: 0 }, [0, 7], [-1, 0.5, '1', Number.POSITIVE_INFINITY, false]],
    [{ kind: 'count', least: 1, off: true }, [1, false], [0]],
    [{ kind: 'choice', values: ['a', 'b'] }, ['a', 'b'], ['c', '', null]],
    [{ kind: 'string', content: 'any' }, ['', 'a'], [7, null, () => 'a', /a/]],
    [{ kind: 'string' }, [' ', 'a'], ['']],
    [{ kind: 'string', content: 'visible' }, ['a'], ['', ' \n']],
    [{ kind: 'string', or: 'function' }, ['a', () => 'a'], ['', /a/]],
    [{ kind: 'string', or: 'RegExp' }, ['a', /a/], ['', () => 'a']],
    [{ kind: 'function' }, [() => {}], [{}, 'f']],
    [{ kind: 'map' }, [{}, { a: 'b', c: 1, d: false }], [[], null, { a: {} }, { a: null }]],
    [{ kind: 'array', of: { kind: 'boolean' } }, [[], [true]], [true, [1], [undefined], new Array(2)]],
  ])('of %j is taken or refused', (row, good, bad) => {
    for (const value of good) expect(judged(row, value)).toEqual(value)
    for (const value of bad) expect(judged(row, value)).toMatch(/^it.* must be .*, got /)
  })

  it('that is wrong inside is named by its path', () => {
    expect(() => read({ names: ['a', 7] })).toThrow('act.names[1] must be a string that is not empty, got 7')
    expect(() => read({ extra: {} })).toThrow(
      'act.extra.name must be a string that is not empty, got undefined',
    )
    expect(() => read({ nested: 7 })).toThrow('act.nested must be an object, got 7')
    expect(() => read(null)).toThrow('act(options) must be an object, got null')
  })

  it('with methods may be an instance of a class', () => {
    class Sink {
      write() {}
    }
    const row: Row = { kind: 'object', methods: ['write'] }
    const sink = new Sink()
    expect(judged(row, sink)).toBe(sink)
    expect(judged(row, {})).toBe('it.write must be a function, got undefined')
    expect(judged(row, Sink)).toBe('it must be an object, got function Sink')
  })

  it('that is secret is not shown, nor is that of a misspelt name beside it', () => {
    const secret = { kind: 'string', content: 'visible', secret: true } as const
    const rows = { token: secret }
    const reading = (options: object) => () =>
      readOptions({ whole: 'w', prefix: '', rows }, options as { token?: string })
    expect(reading({ token: ' ' })).toThrow(
      'token must be a string that is not empty, got a string without visible characters',
    )
    expect(reading({ token: 12345 })).toThrow(
      'token must be a string that is not empty, got a number that is not shown',
    )
    expect(reading({ tokn: 'hunter2' })).toThrow(
      'unknown option tokn; did you mean token? (got a string that is not shown)',
    )
  })
})

describe('what is not an own property', () => {
  const polluted = Object.prototype as unknown as Record<string, unknown>

  afterEach(() => {
    for (const name of ['mode', 'on', 'token', 'default', 'required', 'off', 'extra']) delete polluted[name]
  })

  it('is not read from Object.prototype, at any depth', () => {
    Object.assign(polluted, { mode: 'loud', on: false, token: 'x', extra: false })
    const settled = read({})
    expect([settled.mode, settled.nested.on, settled.token, settled.extra]).toEqual([
      'quiet',
      true,
      undefined,
      undefined,
    ])
  })

  it('does not change the rows either', () => {
    Object.assign(polluted, { default: 'x', required: true, off: true })
    expect(read({}).token).toBeUndefined()
    expect(() => read({ mode: false })).toThrow('act.mode must be "quiet" or "loud", got false')
  })

  it('is refused where another object or a class has it, for it would be passed over in silence', () => {
    class Settings {
      get mode() {
        return 'loud'
      }
    }
    const message = 'act.mode must be an own property of the options, not inherited, got "loud"'
    expect(() => read(new Settings())).toThrow(message)
    expect(() => read(Object.create({ mode: 'loud' }))).toThrow(message)
    expect(read(Object.assign(Object.create({ mode: 'loud' }), { mode: 'quiet' })).mode).toBe('quiet')
  })
})
