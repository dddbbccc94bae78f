import { describe, expect, it } from 'vitest'
import { isKnownFile, parseFrame, stackLines } from '../../../src/core/origin/stack-text.ts'

describe('the text of a stack', () => {
  it('begins below the message, however many lines that has', () => {
    expect(stackLines({ stack: 'Error: a\nb at c\n    at load (/a.js:1:2)\n    at /b.js:3:4' })).toEqual([
      '    at load (/a.js:1:2)',
      '    at /b.js:3:4',
    ])
  })

  it('is empty where there are no frames, or where formatting fails', () => {
    expect(stackLines({ stack: 'Error: none' })).toEqual([])
    expect(stackLines({ stack: undefined })).toEqual([])
    expect(
      stackLines({
        get stack() {
          throw new Error('of a tool')
        },
      }),
    ).toEqual([])
  })
})

describe('a file', () => {
  it.each([
    [import.meta.filename, true],
    ['/nowhere/a.js', false],
    ['webpack:///./src/a.ts', true],
    ['webpack-internal:///./src/a.ts', true],
    ['webpack://application/./src/a.ts', true],
    // Of the source map of a dependency.
    ['webpack://typescript/./src/a.ts', false],
    ['webpack://@types/node/./src/a.ts', false],
  ])('%s is known: %s', (file, isKnown) => {
    expect(isKnownFile(file)).toBe(isKnown)
  })
})

describe('a frame', () => {
  it.each([
    ['    at load (webpack-internal:///./src/a.ts:1:2)', 'webpack-internal:///./src/a.ts'],
    ['    at load (webpack://app/./src/a.ts?:1:2)', 'webpack://app/./src/a.ts'],
    ['    at load (eval at run (/app/a.js:1:2), <anonymous>:3:4)', undefined],
  ])('of evaluated code: %s', (line, file) => {
    expect(parseFrame(line)?.file).toBe(file)
  })
})
