import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { describeFrame, hasDifferentCallers, originOf } from '../../../src/core/origin/origin.ts'
import { expectQuick } from '../../support/quick.ts'

const sourceFolder = fileURLToPath(new URL('../../../src/', import.meta.url))

/** What is read from one line of a stack. */
function frameOf(line: string) {
  return originOf({ stack: `Error\n${line}` })?.frames[0]
}

describe('a line of a stack', () => {
  it.each([
    ['    at load (/app/a.js:1:2)', { file: '/app/a.js', line: 1, column: 2, functionName: 'load' }],
    ['    at /app/a.js:10:20', { file: '/app/a.js', line: 10, column: 20 }],
    ['    at async load (/app/a.js:1:2)', { file: '/app/a.js', line: 1, column: 2, functionName: 'load' }],
    ['    at async /app/a.js:1:2', { file: '/app/a.js', line: 1, column: 2 }],
    [
      '    at new Repository (/app/a.js:1:2)',
      { file: '/app/a.js', line: 1, column: 2, functionName: 'new Repository' },
    ],
    [
      '    at Object.<anonymous> (/app/a.js:1:2)',
      { file: '/app/a.js', line: 1, column: 2, functionName: 'Object.<anonymous>' },
    ],
    [
      '    at Object.load [as get] (/app/a.js:1:2)',
      { file: '/app/a.js', line: 1, column: 2, functionName: 'Object.load [as get]' },
    ],
    ['    at async Promise.all (index 0)\n    at /app/a.js:1:2', { file: '/app/a.js', line: 1, column: 2 }],
    [
      '    at get name [as name] (/app/a.js:1:2)',
      { file: '/app/a.js', line: 1, column: 2, functionName: 'get name [as name]' },
    ],
    ['    at #load (/app/a.js:1:2)', { file: '/app/a.js', line: 1, column: 2, functionName: '#load' }],
    [
      '    at été (/app/naïve/é.js:1:2)',
      { file: '/app/naïve/é.js', line: 1, column: 2, functionName: 'été' },
    ],
    ['    at load (file:///app/a.mjs:1:2)', { file: '/app/a.mjs', line: 1, column: 2, functionName: 'load' }],
    ['    at file:///app/a.mjs:1:2', { file: '/app/a.mjs', line: 1, column: 2 }],
    ['    at async file:///app/a.mjs:1:2', { file: '/app/a.mjs', line: 1, column: 2 }],
    ['    at file:///my%20app/%C3%A9.mjs:1:2', { file: '/my app/é.mjs', line: 1, column: 2 }],
    ['    at file:///app/a.ts?t=1700000000:1:2', { file: '/app/a.ts', line: 1, column: 2 }],
    ['    at file:///app/a.ts?from=/x/y:1:2', { file: '/app/a.ts', line: 1, column: 2 }],
    ['    at load (/app/a.ts?v=3:1:2)', { file: '/app/a.ts', line: 1, column: 2, functionName: 'load' }],
    [
      '    at load (/app/what?/a.ts:1:2)',
      { file: '/app/what?/a.ts', line: 1, column: 2, functionName: 'load' },
    ],
    [
      '    at load (/my app (copy)/a.js:1:2)',
      { file: '/my app (copy)/a.js', line: 1, column: 2, functionName: 'load' },
    ],
    ['    at /my app (copy)/a.js:1:2', { file: '/my app (copy)/a.js', line: 1, column: 2 }],
    ['    at load (C:\\app\\a.js:1:2)', { file: 'C:\\app\\a.js', line: 1, column: 2, functionName: 'load' }],
    ['    at c:\\my app\\a.js:1:2', { file: 'c:\\my app\\a.js', line: 1, column: 2 }],
    [
      '    at load (webpack://app/./src/a.ts:1:2)',
      { file: 'webpack://app/./src/a.ts', line: 1, column: 2, functionName: 'load' },
    ],
    ['\tat load (/app/a.js:1:2)', { file: '/app/a.js', line: 1, column: 2, functionName: 'load' }],
  ])('%j is read', (line, frame) => {
    expect(frameOf(line)).toEqual(frame)
  })

  it.each([
    '    at node:internal/process/task_queues:95:5',
    '    at Module._compile (node:internal/modules/cjs/loader:1554:14)',
    '    at async node:internal/modules/run_main:129:5',
    '    at async Promise.all (index 0)',
    '    at <anonymous>',
    '    at new Promise (<anonymous>)',
    '    at Array.map (<anonymous>)',
    '    at eval (eval at load (/app/a.js:1:2), <anonymous>:3:4)',
    '    at load (eval at <anonymous> (/app/a.js:1:2), <anonymous>:3:4)',
    '    at [eval]:1:7',
    '    at evalmachine.<anonymous>:1:1',
    '    at data:text/javascript,load():1:1',
    '    at wasm://wasm/4a1c2f6e:wasm-function[1]:0x24',
    '    at native',
    '',
    'Error: at /app/a.js:1:2',
    'not a stack at all',
  ])('%j is no line of a file', (line) => {
    expect(frameOf(line)).toBeUndefined()
  })
})

describe('the origin', () => {
  it('is the first line that is not a dependency, nor of Node.js, nor of this package', () => {
    const stack = `Error
    at capture (${sourceFolder}core/origin/origin.ts:40:9)
    at watch (file://${sourceFolder}lifeguard.ts:1:2)
    at Pool.connect (/app/node_modules/pg-pool/index.js:45:11)
    at node:internal/process/task_queues:95:5
    at Knex.acquire (C:\\app\\node_modules\\knex\\lib\\client.js:1:1)
    at loadUser (/app/src/users.ts:12:21)
    at handler (/app/node_modules/express/lib/router.js:5:5)
    at main (/app/src/main.ts:3:1)`
    expect(originOf({ stack })).toEqual({
      file: '/app/src/users.ts',
      line: 12,
      column: 21,
      functionName: 'loadUser',
      frames: [
        { file: '/app/src/users.ts', line: 12, column: 21, functionName: 'loadUser' },
        { file: '/app/node_modules/express/lib/router.js', line: 5, column: 5, functionName: 'handler' },
        { file: '/app/src/main.ts', line: 3, column: 1, functionName: 'main' },
      ],
    })
  })

  it('tells a folder of the user from a dependency by the whole name', () => {
    for (const file of [
      '/app/my_node_modules/a.js',
      '/app/node_modules_old/a.js',
      '/app/src/node_modules.js',
    ]) {
      expect(originOf({ stack: `Error\n    at load (${file}:1:2)` })?.file).toBe(file)
    }
  })

  it('does not exist where all lines are of others', () => {
    expect(
      originOf({ stack: 'Error\n    at connect (/app/node_modules/pg/lib/client.js:1:1)' }),
    ).toBeUndefined()
    expect(originOf({ stack: 'Error' })).toBeUndefined()
    expect(originOf({})).toBeUndefined()
    expect(originOf(undefined)).toBeUndefined()
    expect(originOf()).toBeUndefined()
  })

  it('comes from the first of the stacks that has one', () => {
    const lost = { stack: 'Error\n    at connect (/app/node_modules/pg/lib/client.js:1:1)' }
    const found = { stack: 'Error\n    at load (/app/a.js:1:2)' }
    const other = { stack: 'Error\n    at other (/app/b.js:3:4)' }
    expect(originOf(undefined, lost, found, other)?.file).toBe('/app/a.js')
    expect(originOf(lost, undefined, other, found)?.file).toBe('/app/b.js')
  })

  it('has ten frames at most', () => {
    const lines = Array.from({ length: 40 }, (_, index) => `    at f${index} (/app/a.js:${index + 1}:1)`)
    const origin = originOf({ stack: ['Error', ...lines].join('\n') })
    expect(origin?.frames.map(({ line }) => line)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  })

  it('has the callers of another stack from its line where it is short, and says so', () => {
    const line = '    at one (/borrowed/helper.ts:1:1)'
    const deep = (caller: string) => ({
      stack: ['Error', line, `    at ${caller} (/borrowed/${caller}.ts:1:1)`, ...Array(4).fill(line)].join(
        '\n',
      ),
    })
    const short = { stack: `Error\n${line}` }
    expect(originOf(deep('users'))?.callersVary).toBeUndefined()
    expect(originOf(short)).not.toHaveProperty('callersVary')
    hasDifferentCallers(deep('users'))
    expect(originOf(short)).toMatchObject({
      callersVary: false,
      frames: { 1: { file: '/borrowed/users.ts' } },
    })
    hasDifferentCallers(deep('orders'))
    expect(originOf(short)).toMatchObject({
      callersVary: true,
      frames: { 1: { file: '/borrowed/orders.ts' } },
    })
  })

  it('is not misled by the message of the error above the lines', () => {
    const stack = 'Error: wrong\n  at the wrong place\nat /app/wrong.js:1:1\n    at load (/app/a.js:1:2)'
    expect(originOf({ stack })?.file).toBe('/app/a.js')
  })

  it('takes no longer for a hostile stack than its length explains', () => {
    for (const line of [
      `    at ${'a '.repeat(50_000)}`,
      `    at ${'a ('.repeat(30_000)}`,
      `    at /${':1'.repeat(50_000)}`,
      `    at ${'(/'.repeat(50_000)}`,
      `${' '.repeat(50_000)}at`,
      `    at /${'?'.repeat(50_000)}:1:2`,
    ]) {
      expectQuick(() => originOf({ stack: line }))
    }
  })
})

describe('describeFrame', () => {
  const frame = { file: '/app/src/users.ts', line: 12, column: 21 }

  it.each([
    ['/app', 'src/users.ts:12:21'],
    ['/app/', 'src/users.ts:12:21'],
    ['/', 'app/src/users.ts:12:21'],
    ['/ap', '/app/src/users.ts:12:21'],
    ['/app/src/users', '/app/src/users.ts:12:21'],
    ['/other', '/app/src/users.ts:12:21'],
  ])('is relative to the working directory %s where the file is below it', (folder, text) => {
    expect(describeFrame(frame, folder)).toBe(text)
  })

  it('knows the folders of Windows', () => {
    expect(describeFrame({ ...frame, file: 'C:\\app\\src\\users.ts' }, 'C:\\app')).toBe('src\\users.ts:12:21')
    expect(describeFrame({ ...frame, file: 'C:\\apple\\users.ts' }, 'C:\\app')).toBe(
      'C:\\apple\\users.ts:12:21',
    )
    expect(describeFrame({ ...frame, file: 'C:\\users.ts' }, 'C:\\')).toBe('users.ts:12:21')
  })

  it('goes by the working directory of the process', () => {
    const file = fileURLToPath(import.meta.url)
    expect(describeFrame({ file, line: 1, column: 1 })).toBe('test/core/origin/origin.test.ts:1:1')
  })
})
