import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** A client of Prisma as far as the tests use it. */
export interface PrismaClient {
  $connect(): Promise<void>
  $disconnect(): Promise<void>
  $queryRawUnsafe(sql: string): Promise<unknown>
  $executeRawUnsafe(sql: string): Promise<unknown>
  $transaction<Result>(
    work: (tx: PrismaClient) => Promise<Result>,
    options?: { timeout?: number; maxWait?: number },
  ): Promise<Result>
}

export type PrismaClientClass = new (options: { adapter: object }) => PrismaClient

const schema = (datasource: string, generator: string) => `
generator client {
  provider     = "prisma-client"
  output       = "client"
  moduleFormat = "esm"
  ${generator}
}
datasource db {
  provider = "postgresql"
  ${datasource}
}
model Note {
  body String @id
  @@map("notes")
}
`

/** Generates a client beside the Prisma of this folder. */
export async function generatePrismaClient(folder: string, major: 6 | 7): Promise<PrismaClientClass> {
  const output = join(folder, '.tmp', `prisma-${process.pid}`)
  mkdirSync(output, { recursive: true })
  process.once('exit', () => rmSync(output, { recursive: true, force: true }))
  const text = major === 7 ? schema('', '') : schema('url = "postgresql://unused"', 'engineType = "client"')
  writeFileSync(join(output, 'schema.prisma'), text)
  generatePrisma(folder, join(output, 'schema.prisma'))
  const { PrismaClient } = await import(pathToFileURL(join(output, 'client/client.ts')).href)
  return PrismaClient
}

/**
 * Generates the client of a schema, with the Prisma of this folder. Nothing is downloaded: the query compiler is in the
 * package, and the schema engine, which Prisma looks for, does nothing when a client is generated.
 */
export function generatePrisma(folder: string, schemaFile: string): void {
  const cli = createRequire(join(folder, 'package.json')).resolve('prisma/build/index.js')
  const env = { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true', PRISMA_HIDE_UPDATE_MESSAGE: '1' }
  execFileSync(process.execPath, [cli, 'generate', '--schema', schemaFile], {
    cwd: folder,
    env,
    stdio: 'pipe',
  })
}
