import { describe, expect, it } from 'vitest'
import { ownFrames } from '../../../src/core/origin/own-frames.ts'

const frame = (file: string) => ({ file, line: 1, column: 1 })
const filesOf = (...files: string[]) =>
  ownFrames({ ...frame(files[0] ?? ''), frames: files.map(frame) }).map(({ file }) => file)

describe('the frames of the user', () => {
  it('leave out dependencies and Node.js, in their order', () => {
    expect(
      filesOf(
        '/app/src/orders.ts',
        '/app/node_modules/express/router.js',
        'node:internal/process/task_queues',
        '/app/src/server.ts',
        'C:\\app\\node_modules\\koa\\index.js',
      ),
    ).toEqual(['/app/src/orders.ts', '/app/src/server.ts'])
  })

  it('have the first one whatever it is: the place that the report names', () => {
    expect(filesOf('/app/node_modules/knex/pool.js', '/app/node_modules/tarn/pool.js')).toEqual([
      '/app/node_modules/knex/pool.js',
    ])
  })

  it('are those whose folder only sounds like a dependency', () => {
    expect(filesOf('/app/src/a.ts', '/app/my_node_modules/b.ts')).toHaveLength(2)
  })
})
