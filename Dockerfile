# The image of maas-auth-proxy: Node, the production dependencies and the built program; no shell scripts, no curl.
#
#   docker build -t maas-auth-proxy .
#
# With a package registry of your own, pass npm's settings as a secret; they do not get into the image:
#
#   docker build --secret id=npmrc,src="$HOME/.npmrc" -t maas-auth-proxy .

FROM node:26-trixie-slim AS base
WORKDIR /app

FROM base AS dependencies
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc \
    npm ci --omit=dev --ignore-scripts --no-audit
# An optional peer dependency, in the version that the tests run with, so that REDIS_URL works in the container.
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc \
    npm install --omit=dev --ignore-scripts --no-audit --save-prod --save-exact \
      "ioredis@$(node -p "require('./package.json').devDependencies.ioredis")"

FROM base AS build
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc \
    npm ci --ignore-scripts --no-audit
COPY tsconfig.json ./
COPY src src
RUN npx tsc -p tsconfig.json --declaration false --sourceMap false && node src/page/browser/build.mjs && chmod 755 dist/src/cli.js

FROM base
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="maas-auth-proxy" \
      org.opencontainers.image.description="Takes unsigned requests on a local port, signs each with a MAAS API key and forwards it to MAAS" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="docker.io/library/node:26-trixie-slim"

# A published port reaches the container's own address, never its loopback.
ENV NODE_ENV=production \
    HOST=0.0.0.0
# One helper thread for V8's compiler and garbage collector instead of four: 5 MB less, and no more CPU.
ENV NODE_OPTIONS=--v8-pool-size=1

COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist/src dist/src
COPY package.json LICENSE ./
RUN ln -s /app/dist/src/cli.js /usr/local/bin/maas-auth-proxy

# A number, so that Kubernetes can check runAsNonRoot. 1000 is the first user of most machines, so the container can read
# that user's key file with mode 600. Any other user works too: the program writes nothing.
USER 1000:1000
EXPOSE 8240
STOPSIGNAL SIGTERM
# Asks the admin listener on 127.0.0.1:8241 whether the process is alive. `healthcheck --ready` would include MAAS, and a
# restart of the proxy does not repair MAAS.
HEALTHCHECK --interval=30s --timeout=10s --start-period=10s --retries=3 CMD ["maas-auth-proxy", "healthcheck"]
# Node is process 1 itself and gets the signals: the first SIGTERM lets requests in flight finish.
ENTRYPOINT ["node", "/app/dist/src/cli.js"]
