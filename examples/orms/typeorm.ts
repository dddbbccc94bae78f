/** TypeORM. The data source may be watched before it is initialized. */
import { consoleReporter, createLifeguard } from 'pg-lifeguard'
import { DataSource } from 'typeorm'

const { DATABASE_URL = 'postgres://localhost/postgres' } = process.env
const dataSource = new DataSource({ type: 'postgres', url: DATABASE_URL })

const lifeguard = createLifeguard({
  mode: 'enforce',
  reporters: [consoleReporter({ stream: process.stdout, info: false })],
})
lifeguard.watch(dataSource, { name: 'main' })
await dataSource.initialize()

await lifeguard.runInScope({ kind: 'request', name: 'POST /orders' }, async () => {
  const runner = dataSource.createQueryRunner()
  await runner.startTransaction() // leaks: the runner is not released
  await runner.query('SELECT 1')
})

await new Promise((resolve) => lifeguard.on('finding', resolve))
await lifeguard.close()
await dataSource.destroy()
