import { describe, expect, it } from 'vitest'
import { routesBefore } from '../../src/http/express-routes.ts'
import { expresses } from './hosts.ts'

const middleware = () => {}
const answer = () => {}

describe.each(Object.entries(expresses))('routes before a middleware of %s', (_name, express) => {
  it('are none where it is mounted first', () => {
    const app = express().use(middleware)
    app.get('/', answer)
    expect(routesBefore(app, middleware)).toBe(0)
  })

  it('are counted, those of routers included', () => {
    const app = express()
    app.get('/', answer)
    app.use('/users', express.Router().get('/', answer).post('/', answer))
    app.use(middleware)
    app.get('/late', answer)
    expect(routesBefore(app, middleware)).toBe(3)
  })

  it('are those of its own router, where it is mounted in one', () => {
    const router = express.Router().get('/early', answer).use(middleware).get('/late', answer)
    const app = express()
    app.get('/', answer)
    app.use('/users', router)
    expect(routesBefore(app, middleware)).toBe(1)
  })

  it('are not those middlewares that answer nothing', () => {
    const app = express()
      .use((_request, _response, next) => next())
      .use(middleware)
    expect(routesBefore(app, middleware)).toBe(0)
  })

  it('are none of an application that does not have it', () => {
    const app = express()
    app.get('/', answer)
    expect(routesBefore(app, middleware)).toBe(0)
  })
})

it.each([undefined, null, {}, () => {}, Object.assign(() => {}, { router: { stack: 'none' } })])(
  'are none of %o, which is no application',
  (app) => {
    expect(routesBefore(app, middleware)).toBe(0)
  },
)
