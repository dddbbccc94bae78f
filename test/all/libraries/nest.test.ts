import 'reflect-metadata'
import {
  type CallHandler,
  type CanActivate,
  Controller,
  type DynamicModule,
  type ExecutionContext,
  Get,
  Inject,
  Injectable,
  Module,
  type NestInterceptor,
  Scope,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { ExpressAdapter, type NestExpressApplication } from '@nestjs/platform-express'
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify'
import { getConnectionToken, SequelizeModule } from '@nestjs/sequelize'
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm'
import knexModule, { type Knex } from 'knex'
import pg from 'pg'
import { mergeMap } from 'rxjs'
import type { Sequelize } from 'sequelize-typescript'
import type { DataSource } from 'typeorm'
import { describe, expect, it, onTestFinished } from 'vitest'
import { lifeguardMiddleware } from '../../../src/http/express.ts'
import { lifeguardPlugin } from '../../../src/http/fastify.ts'
import {
  createLifeguard,
  type Finding,
  type Lifeguard,
  manualClock,
  type Watchable,
} from '../../../src/index.ts'
import { useDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { hereLine } from '../../support/guarded-pool.ts'

const db = useDatabase()

/** What services do with a library's own transactions. */
interface Database {
  readonly host: Watchable
  /** Opens a transaction, and forgets it. */
  leak(): Promise<void>
  use(): Promise<void>
  close(): Promise<unknown>
}

const databaseToken = Symbol('database')
const lifeguardToken = Symbol('lifeguard')
/** Gives back what `leak` has forgotten, at the end of a test. */
const remembered: (() => unknown)[] = []
/** The line of `leak` in each library. */
const leaks: Record<string, number> = {}

function ofPool(pool: pg.Pool): Database {
  leaks.pg = hereLine(4)
  return {
    host: pool,
    async leak() {
      const client = await pool.connect()
      await client.query('BEGIN')
      remembered.push(() => client.release(true))
    },
    async use() {
      const client = await pool.connect()
      try {
        await client.query('SELECT 1')
      } finally {
        client.release()
      }
    },
    close: () => pool.end(),
  }
}

function ofKnex(knex: Knex): Database {
  leaks.Knex = hereLine(4)
  return {
    host: knex,
    async leak() {
      const transaction = await knex.transaction()
      await transaction.raw('SELECT 1')
      remembered.push(() => transaction.rollback())
    },
    use: () => knex.transaction(async (transaction) => void (await transaction.raw('SELECT 1'))),
    close: () => knex.destroy(),
  }
}

function ofTypeOrm(source: DataSource): Database {
  leaks.TypeORM = hereLine(5)
  return {
    host: source,
    async leak() {
      const runner = source.createQueryRunner()
      await runner.startTransaction()
      remembered.push(() => runner.rollbackTransaction().finally(() => runner.release()))
    },
    use: () => source.transaction(async (manager) => void (await manager.query('SELECT 1'))),
    close: async () => {},
  }
}

function ofSequelize(sequelize: Sequelize): Database {
  leaks.Sequelize = hereLine(4)
  return {
    host: sequelize,
    async leak() {
      const transaction = await sequelize.transaction()
      await sequelize.query('SELECT 1', { transaction })
      remembered.push(() => transaction.rollback())
    },
    use: () =>
      sequelize.transaction(async (transaction) => void (await sequelize.query('SELECT 1', { transaction }))),
    close: async () => {},
  }
}

/** The module of each library, as its documentation shows it. */
const libraries: Record<string, () => Pick<DynamicModule, 'imports' | 'providers'>> = {
  pg: () => ({
    providers: [{ provide: databaseToken, useFactory: () => ofPool(new pg.Pool({ ...db.config, max: 10 })) }],
  }),
  Knex: () => ({
    providers: [
      {
        provide: databaseToken,
        useFactory: () =>
          ofKnex(knexModule({ client: 'pg', connection: { ...db.config }, pool: { max: 10 } })),
      },
    ],
  }),
  TypeORM: () => ({
    imports: [
      TypeOrmModule.forRoot({ type: 'postgres', url: db.url, poolSize: 10, poolErrorHandler: () => {} }),
    ],
    providers: [{ provide: databaseToken, useFactory: ofTypeOrm, inject: [getDataSourceToken()] }],
  }),
  Sequelize: () => ({
    imports: [
      SequelizeModule.forRoot({ dialect: 'postgres', uri: db.url, logging: false, pool: { max: 10 } }),
    ],
    providers: [{ provide: databaseToken, useFactory: ofSequelize, inject: [getConnectionToken()] }],
  }),
}

@Injectable({ scope: Scope.REQUEST })
class RequestLog {
  readonly #lifeguard: Lifeguard
  readonly routes: unknown[] = []

  constructor(@Inject(lifeguardToken) lifeguard: Lifeguard) {
    this.#lifeguard = lifeguard
    this.note()
  }

  note(): void {
    this.routes.push(this.#lifeguard.currentScope()?.describe().name)
  }
}

@Injectable({ scope: Scope.REQUEST })
class SessionGuard implements CanActivate {
  constructor(
    @Inject(databaseToken) private readonly database: Database,
    @Inject(RequestLog) private readonly log: RequestLog,
  ) {}

  async canActivate(): Promise<boolean> {
    await this.database.use()
    this.log.note()
    return true
  }
}

@Injectable({ scope: Scope.REQUEST })
class AuditInterceptor implements NestInterceptor {
  constructor(
    @Inject(databaseToken) private readonly database: Database,
    @Inject(RequestLog) private readonly log: RequestLog,
  ) {}

  async intercept(_context: ExecutionContext, next: CallHandler) {
    await this.database.use()
    this.log.note()
    return next.handle().pipe(
      mergeMap(async (answer: unknown) => {
        await this.database.use()
        this.log.note()
        return answer
      }),
    )
  }
}

@Controller('orders')
class OrdersController {
  constructor(
    @Inject(databaseToken) private readonly database: Database,
    @Inject(RequestLog) private readonly log: RequestLog,
  ) {}

  @Get('leak/:id')
  async leak() {
    await this.database.leak()
    return 'answered'
  }

  @Get('right/:id')
  @UseGuards(SessionGuard)
  @UseInterceptors(AuditInterceptor)
  async right() {
    await this.database.use()
    this.log.note()
    return this.log.routes
  }
}

@Module({})
class AppModule {}

const platforms = ['Express', 'Fastify'] as const
const combinations = platforms.flatMap((platform) =>
  Object.keys(libraries).map((library) => ({ platform, library })),
)

describe.each(combinations)('NestJS on $platform with $library', ({ platform, library }) => {
  it('gives guards, interceptors and request-scoped providers the scope of their request', async () => {
    const { url, findings, clock, lifeguard } = await service(platform, library)
    const answers = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => (await fetch(`${url}/orders/right/${index}`)).json()),
    )
    // Constructor, guard, interceptor, handler, and the interceptor once more.
    expect(answers).toEqual(Array(20).fill(Array(5).fill('GET /orders/right/:id')))
    await eventually(() => expect(lifeguard.snapshot().checkouts).toEqual([]))
    clock.advance(60_000)
    expect(findings).toEqual([])
  })

  it.each(['observe', 'enforce'] as const)(
    'finds a leak at its line, with its route, in %s',
    async (mode) => {
      const { url, findings, clock } = await service(platform, library, mode)
      expect(await (await fetch(`${url}/orders/leak/7`)).text()).toBe('answered')
      await eventually(() => {
        clock.advance(500)
        expect(findings).toMatchObject([
          {
            kind: 'outlived-scope',
            scope: { kind: 'request', name: 'GET /orders/leak/:id' },
            origin: { file: import.meta.filename, line: leaks[library] },
          },
        ])
      })
    },
  )
})

async function service(
  platform: (typeof platforms)[number],
  library: string,
  mode: 'observe' | 'enforce' = 'observe',
) {
  const clock = manualClock()
  const lifeguard = createLifeguard({ clock, mode, reporters: [] })
  const findings: Finding[] = []
  lifeguard.on('finding', (finding) => findings.push(finding))
  const parts = libraries[library]?.()
  const module: DynamicModule = {
    module: AppModule,
    ...parts,
    controllers: [OrdersController],
    providers: [
      ...(parts?.providers ?? []),
      { provide: lifeguardToken, useValue: lifeguard },
      RequestLog,
      SessionGuard,
      AuditInterceptor,
    ],
  }
  const app = await create(platform, module, lifeguard)
  const opened = app.get<Database>(databaseToken)
  lifeguard.watch(opened.host, { name: 'main' })
  await app.listen(0, '127.0.0.1')
  onTestFinished(async () => {
    // In enforce, a remedy has done it already.
    await Promise.allSettled(remembered.splice(0).map(async (giveBack) => giveBack()))
    await lifeguard.close()
    await app.close()
    await opened.close()
  })
  return { url: await app.getUrl(), findings, clock, lifeguard }
}

/** As the documentation says for each of the two. */
async function create(platform: (typeof platforms)[number], module: DynamicModule, lifeguard: Lifeguard) {
  const options = { logger: false } as const
  if (platform === 'Express') {
    const app = await NestFactory.create<NestExpressApplication>(module, new ExpressAdapter(), options)
    app.use(lifeguardMiddleware(lifeguard))
    return app
  }
  const app = await NestFactory.create<NestFastifyApplication>(module, new FastifyAdapter(), options)
  await app.register(lifeguardPlugin, { lifeguard })
  return app
}
