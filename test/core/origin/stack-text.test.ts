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
  const known = (line: string) => {
    const frame = parseFrame(line)
    return frame && [frame.file, isKnownFile(frame)]
  }

  it.each([
    [`    at ${import.meta.filename}:1:2`, [import.meta.filename, true]],
    ['    at /nowhere/a.js:1:2', ['/nowhere/a.js', false]],
    // Of a source map, whose names may be those of another machine.
    ['    at load (webpack://app/./src/a.ts:1:2)', ['webpack://app/./src/a.ts', false]],
    // Of modules that webpack evaluates from strings.
    ['    at load (webpack://app/./src/a.ts?:1:2)', ['webpack://app/./src/a.ts', true]],
    ['    at load (webpack-internal:///./src/a.ts:1:2)', ['webpack-internal:///./src/a.ts', true]],
  ])('%s', (line, expected) => {
    expect(known(line)).toEqual(expected)
  })
})
