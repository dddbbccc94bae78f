/** MikroORM 7. It connects, and makes its pool, with the first statement. */
import { defineConfig, EntitySchema, MikroORM } from '@mikro-orm/postgresql'
import { consoleReporter, createLifeguard } from 'pg-lifeguard'

const { DATABASE_URL = 'postgres://localhost/postgres' } = process.env
const Order = new EntitySchema({ name: 'Order', properties: { id: { type: 'number', primary: true } } })
const orm = new MikroORM(defineConfig({ entities: [Order], clientUrl: DATABASE_URL }))

const lifeguard = createLifeguard({
  mode: 'enforce',
  reporters: [consoleReporter({ stream: process.stdout, info: false })],
})
lifeguard.watch(orm, { name: 'main' })

await lifeguard.runInScope({ kind: 'request', name: 'POST /orders' }, async () => {
  const em = orm.em.fork()
  await em.begin() // leaks: neither commit nor rollback
  await em.execute('SELECT 1')
})

await new Promise((resolve) => lifeguard.on('finding', resolve))
await lifeguard.close()
await orm.close()
