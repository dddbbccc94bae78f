/** A NestJS service on TypeORM with the lifeguard dropped in. One route forgets its transaction; below `/v2` it is done right. */
import 'reflect-metadata'
import { Controller, Get, Inject, Module, Param, ParseIntPipe } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import type { NestExpressApplication } from '@nestjs/platform-express'
import { TypeOrmModule } from '@nestjs/typeorm'
import { createLifeguard, type LifeguardOptions } from 'pg-lifeguard'
import { lifeguardMiddleware } from 'pg-lifeguard/express'
import { DataSource } from 'typeorm'

const select = 'SELECT total FROM orders WHERE id = $1 FOR UPDATE'

@Controller()
class OrdersController {
  constructor(@Inject(DataSource) private readonly dataSource: DataSource) {}

  @Get('orders/:id')
  async find(@Param('id', ParseIntPipe) id: number) {
    const runner = this.dataSource.createQueryRunner()
    await runner.startTransaction()
    const rows = await runner.query(select, [id])
    // Forgotten: the transaction, and the query runner.
    if (rows.length === 0) return { error: 'no such order' }
    await runner.commitTransaction()
    await runner.release()
    return rows[0]
  }

  @Get('v2/orders/:id')
  findRight(@Param('id', ParseIntPipe) id: number) {
    return this.dataSource.transaction(async (manager) => {
      const rows = await manager.query(select, [id])
      return rows[0] ?? { error: 'no such order' }
    })
  }
}

export async function startService(databaseUrl: string, options: LifeguardOptions) {
  @Module({
    imports: [
      TypeOrmModule.forRoot({
        type: 'postgres',
        url: databaseUrl,
        poolSize: 2,
        poolErrorHandler: console.error,
      }),
    ],
    controllers: [OrdersController],
  })
  class AppModule {}

  const lifeguard = createLifeguard(options)
  const app = await NestFactory.create<NestExpressApplication>(AppModule, { logger: ['error'] })
  // Here, and not as a middleware of a module: what runs before it has no scope.
  app.use(lifeguardMiddleware(lifeguard))
  lifeguard.watch(app.get(DataSource), { name: 'main' })
  await app.listen(0, '127.0.0.1')
  return { app, lifeguard, url: await app.getUrl() }
}
