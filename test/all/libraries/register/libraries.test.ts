import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { applicationTestMillis, useApplications } from '../../../register/application.ts'
import { useDatabase } from '../../../support/database.ts'
import { generatePrisma } from '../prisma-client.ts'

vi.setConfig({ testTimeout: 2 * applicationTestMillis })

const modules = join(import.meta.dirname, '../node_modules')
const libraries = [
  '@fastify/postgres',
  '@nestjs/common',
  '@nestjs/core',
  '@nestjs/platform-express',
  '@nestjs/platform-fastify',
  '@prisma/adapter-pg',
  '@prisma/client',
  'drizzle-orm',
  'fastify',
  'objection',
  'pg',
  'reflect-metadata',
  'rxjs',
  'sequelize',
  'typeorm',
]
const db = useDatabase()
const applications = useApplications(db, [
  ...libraries.map((name) => [name, join(modules, name)] as const),
  '@hono/node-server',
  'hono',
  'knex',
])

const knexes = { 'Knex 3': 'knex', 'Knex 2': join(modules, '../previous/node_modules/knex') }

/** None of them names this package, and each makes its pool in its own way. */
const services: readonly [name: string, file: string, text: string][] = [
  [
    'NestJS with TypeORM',
    'nest.cjs',
    `require('reflect-metadata')
const { Controller, Get, Module } = require('@nestjs/common')
const { NestFactory } = require('@nestjs/core')
const { DataSource } = require('typeorm')
const source = new DataSource({ type: 'postgres', url: process.env.DATABASE_URL })
class Orders {
  async find() {
    const runner = source.createQueryRunner()
    await runner.startTransaction() // here
    return 'answered'
  }
}
Get(':id')(Orders.prototype, 'find', Object.getOwnPropertyDescriptor(Orders.prototype, 'find'))
Controller('api/orders')(Orders)
class App {}
Module({ controllers: [Orders] })(App)
async function main() {
  await source.initialize()
  const app = await NestFactory.create(App, { logger: false })
  await app.listen(0, '127.0.0.1')
  await fetch(await app.getUrl() + '/api/orders/17')
}
void main()`,
  ],
  [
    'NestJS on Fastify',
    'nest-fastify.cjs',
    `require('reflect-metadata')
const { Controller, Get, Module } = require('@nestjs/common')
const { NestFactory } = require('@nestjs/core')
const { FastifyAdapter } = require('@nestjs/platform-fastify')
const { Pool } = require('pg')
const pool = new Pool({ connectionString: process.env.DATABASE_URL })
class Orders {
  async find() {
    await pool.connect() // here
    return 'answered'
  }
}
Get(':id')(Orders.prototype, 'find', Object.getOwnPropertyDescriptor(Orders.prototype, 'find'))
Controller('api/orders')(Orders)
class App {}
Module({ controllers: [Orders] })(App)
async function main() {
  const app = await NestFactory.create(App, new FastifyAdapter(), { logger: false })
  await app.listen(0, '127.0.0.1')
  await fetch('http://127.0.0.1:' + app.getHttpServer().address().port + '/api/orders/17')
}
void main()`,
  ],
  ...Object.entries(knexes).map(([major, knex]): [string, string, string] => [
    `node:http with ${major} and Objection`,
    `${major.replace(' ', '-')}.cjs`,
    `const { createServer } = require('node:http')
const { knex: Knex } = require('${knex}')
const { Model } = require('objection')
Model.knex(Knex({ client: 'pg', connection: process.env.DATABASE_URL }))
const server = createServer(async (_request, response) => {
  const transaction = await Model.startTransaction() // here
  await transaction.raw('SELECT 1')
  response.end('answered')
}).listen(0, '127.0.0.1', () => void fetch('http://127.0.0.1:' + server.address().port + '/api/orders/17'))`,
  ]),
  [
    'Hono with Drizzle',
    'hono.mjs',
    `import { serve } from '@hono/node-server'
import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import { Hono } from 'hono'
const db = drizzle(process.env.DATABASE_URL)
const app = new Hono()
app.get('/api/orders/:id', async (context) => {
  await new Promise((resolve) => {
    void db.transaction(async (tx) => { // here
      await tx.execute(sql\`SELECT 1\`)
      resolve()
      await new Promise(() => {})
    })
  })
  return context.text('answered')
})
serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => void fetch('http://127.0.0.1:' + port + '/api/orders/17'))`,
  ],
  [
    'Fastify with @fastify/postgres',
    'fastify.mjs',
    `import fastifyPostgres from '@fastify/postgres'
import { fastify } from 'fastify'
const app = fastify()
app.register(fastifyPostgres, { connectionString: process.env.DATABASE_URL })
app.get('/api/orders/:id', async () => {
  const client = await app.pg.connect() // here
  await client.query('SELECT 1')
  return 'answered'
})
await app.listen({ port: 0, host: '127.0.0.1' })
await fetch('http://127.0.0.1:' + app.server.address().port + '/api/orders/17')`,
  ],
  [
    'node:http with Sequelize',
    'sequelize.mjs',
    `import { createServer } from 'node:http'
import { Sequelize } from 'sequelize'
const sequelize = new Sequelize(process.env.DATABASE_URL, { dialect: 'postgres', logging: false })
const server = createServer(async (_request, response) => {
  const transaction = await sequelize.transaction() // here
  await sequelize.query('SELECT 1', { transaction })
  response.end('answered')
}).listen(0, '127.0.0.1', () => void fetch('http://127.0.0.1:' + server.address().port + '/api/orders/17'))`,
  ],
  [
    'node:http with Prisma, which has a connectionString',
    'prisma.mjs',
    `import { createServer } from 'node:http'
import { PrismaPg } from '@prisma/adapter-pg'
import { PrismaClient } from './prisma/client/client.ts'
const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: process.env.DATABASE_URL }) })
const server = createServer(async (_request, response) => {
  await prisma.$transaction(async (tx) => { // here
    await tx.$queryRawUnsafe('SELECT 1')
    response.end('answered')
    await new Promise(() => {})
  }, { timeout: 60_000 })
}).listen(0, '127.0.0.1', () => void fetch('http://127.0.0.1:' + server.address().port + '/api/orders/17'))`,
  ],
]

const schema = `generator client {
  provider     = "prisma-client"
  output       = "client"
  moduleFormat = "esm"
}
datasource db {
  provider = "postgresql"
}
model Note {
  body String @id
  @@map("notes")
}
`

it.each(services)('%s is found to leak in a request, with line and route', async (_name, file, text) => {
  applications.write({ [file]: text })
  if (file === 'prisma.mjs') {
    mkdirSync(applications.file('prisma'), { recursive: true })
    applications.write({ 'prisma/schema.prisma': schema })
    generatePrisma(join(import.meta.dirname, '..'), applications.file('prisma/schema.prisma'))
  }
  const { findings, messages } = await applications.run(file)
  const line = text.split('\n').findIndex((one) => one.includes('// here')) + 1
  expect(findings, messages.join('\n')).toMatchObject([
    {
      kind: 'outlived-scope',
      origin: { file: applications.file(file), line },
      scope: { kind: 'request', name: 'GET /api/orders/:id' },
    },
  ])
})
