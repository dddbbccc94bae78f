import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { useDatabase } from '../../../support/database.ts'
import { useLibrariesIn } from '../../../support/example-packages.ts'
import { generatePrisma } from '../prisma-client.ts'
import { compile, root, runExample } from './programs.ts'

const db = useDatabase()
const folder = 'examples/orms'
useLibrariesIn(folder)

const prismaFolder = join(root, folder, 'prisma')
beforeAll(() => generatePrisma(join(import.meta.dirname, '..'), join(prismaFolder, 'schema.prisma')))
afterAll(() => rmSync(join(prismaFolder, 'client'), { recursive: true, force: true }))

const files = readdirSync(join(root, folder)).filter((file) => file.endsWith('.ts'))

it.each(files)('the example reports the transaction that it leaks, at its line: %s', async (file) => {
  const lines = readFileSync(join(root, folder, file), 'utf8').split('\n')
  // A comment at the end of the line, or on one of its own before it.
  const marked = lines.findIndex((text) => text.includes('// leaks'))
  const line = lines[marked]?.trim().startsWith('//') ? marked + 2 : marked + 1
  const report = await runExample(db, `${folder}/${file}`)
  expect(report).toContain('leak: outlived-scope in pool main')
  expect(report).toContain('in request POST /orders')
  expect(report).toContain(`checked out at ${folder}/${file}:${line}:`)
  expect(report).toContain('the session was destroyed, its slot is free')
  expect(await db.sessions()).toEqual([])
})

it('all of them compile', async () => {
  expect(await compile('tsconfig.orms.json')).toBe('')
})
