{{/* Names and labels. */}}
{{- define "gennaker.name" -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{- define "gennaker.labels" -}}
app.kubernetes.io/name: gennaker
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{/* What selects the pods of a part: (dict "root" $ "component" "gate"). */}}
{{- define "gennaker.selector" -}}
app.kubernetes.io/name: gennaker
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "gennaker.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* Secrets, wherever they come from. */}}
{{- define "gennaker.authSecret" -}}
{{- if .Values.broker.enabled -}}
{{ .Values.broker.auth.existingSecret | default (printf "%s-broker-auth" (include "gennaker.name" .)) }}
{{- else -}}
{{ required "broker.auth.existingSecret: name the Secret with the users' passwords at the broker that you run" .Values.broker.auth.existingSecret }}
{{- end -}}
{{- end }}

{{- define "gennaker.tlsSecret" -}}
{{- if eq .Values.broker.tls.mode "existingSecret" -}}
{{ required "broker.tls.existingSecret: name the Secret with tls.crt, tls.key and ca.crt" .Values.broker.tls.existingSecret }}
{{- else -}}
{{ include "gennaker.name" . }}-broker-tls
{{- end -}}
{{- end }}

{{/* Addresses of the broker, separated by commas. */}}
{{- define "gennaker.brokerUrls" -}}
{{- if .Values.broker.enabled -}}
{{- $scheme := ternary "nats" "tls" (eq .Values.broker.tls.mode "none") -}}
{{- $name := include "gennaker.name" . -}}
{{- $urls := list -}}
{{- range $node := until (int .Values.broker.nodes) -}}
{{- $urls = append $urls (printf "%s://%s-broker-%d.%s-broker:4222" $scheme $name $node $name) -}}
{{- end -}}
{{ join "," $urls }}
{{- else -}}
{{ required "broker.urls: name the broker, or let the chart run one (broker.enabled)" (join "," .Values.broker.urls) }}
{{- end -}}
{{- end }}

{{/* Zones that have workers, separated by commas. */}}
{{- define "gennaker.zones" -}}
{{- $zones := list -}}
{{- range .Values.workers -}}
{{- with .zone }}{{ $zones = append $zones . }}{{ end -}}
{{- end -}}
{{ $zones | uniq | sortAlpha | join "," }}
{{- end }}

{{/* A process of Gennaker: (dict "root" $ "component" … "user" … "arguments" (list …) "part" values "env" (list …)). */}}
{{- define "gennaker.pod" -}}
{{- $root := .root -}}
{{- $isGate := eq .component "gate" -}}
metadata:
  labels:
    {{- include "gennaker.labels" $root | nindent 4 }}
    {{- include "gennaker.selector" (dict "root" $root "component" .component) | nindent 4 }}
    gennaker/broker-client: "true"
  annotations:
    checksum/settings: {{ $root.Values.settings | sha256sum }}
spec:
  serviceAccountName: {{ include "gennaker.name" $root }}-{{ .component }}
  automountServiceAccountToken: {{ .automount | default false }}
  {{- with $root.Values.image.pullSecrets }}
  imagePullSecrets: {{ toJson . }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    fsGroup: 10001
    seccompProfile: { type: RuntimeDefault }
  # Longer than a task needs to be handed back.
  terminationGracePeriodSeconds: 60
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels: {{- include "gennaker.selector" (dict "root" $root "component" .component) | nindent 10 }}
  {{- with .part.nodeSelector }}
  nodeSelector: {{ toJson . }}
  {{- end }}
  {{- with .part.tolerations }}
  tolerations: {{ toJson . }}
  {{- end }}
  containers:
    - name: gennaker
      image: {{ include "gennaker.image" $root | quote }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      args: {{ concat (list "serve") .arguments (list "--config" "/etc/gennaker/gennaker.toml") | toJson }}
      env:
        - { name: GENNAKER_BROKER__URLS, value: {{ include "gennaker.brokerUrls" $root | quote }} }
        - { name: GENNAKER_BROKER__REPLICAS, value: {{ ternary (min 3 (int $root.Values.broker.nodes)) 3 $root.Values.broker.enabled | quote }} }
        - { name: GENNAKER_BROKER__PARTITIONS, value: {{ $root.Values.broker.partitions | quote }} }
        - { name: GENNAKER_BROKER__USERNAME, value: {{ .user }} }
        - { name: GENNAKER_BROKER__PASSWORD_FILE, value: /run/secrets/gennaker/broker-password }
        {{- if ne $root.Values.broker.tls.mode "none" }}
        - { name: GENNAKER_BROKER__TLS__CA_FILE, value: /run/secrets/gennaker/broker-ca.crt }
        {{- end }}
        {{- with include "gennaker.zones" $root }}
        - { name: GENNAKER_BROKER__ZONES, value: {{ . | quote }} }
        {{- end }}
        - { name: GENNAKER_TELEMETRY__LISTEN, value: "0.0.0.0:8085" }
        {{- if $isGate }}
        - { name: GENNAKER_GATE__LISTEN, value: "0.0.0.0:8084" }
        {{- end }}
        {{- range concat (.env | default list) $root.Values.extraEnv (.part.extraEnv | default list) }}
        - {{ toJson . }}
        {{- end }}
      ports:
        - { name: probes, containerPort: 8085 }
        {{- if $isGate }}
        - { name: api, containerPort: 8084 }
        {{- end }}
      # The broker may be away for a while: then a process waits, and is not to be restarted for it.
      startupProbe:
        tcpSocket: { port: {{ ternary "api" "probes" $isGate }} }
        periodSeconds: 2
        failureThreshold: 150
      livenessProbe:
        tcpSocket: { port: {{ ternary "api" "probes" $isGate }} }
        periodSeconds: 10
        failureThreshold: 3
      # Not the API's own port: that may speak https, and ask for certificates that a kubelet has not.
      readinessProbe:
        httpGet: { path: /health, port: probes }
        periodSeconds: 5
        timeoutSeconds: 4
        failureThreshold: 2
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: { drop: [ALL] }
      {{- with .part.resources }}
      resources: {{ toJson . }}
      {{- end }}
      volumeMounts:
        - { name: settings, mountPath: /etc/gennaker, readOnly: true }
        - { name: broker, mountPath: /run/secrets/gennaker, readOnly: true }
        # Bakes unpack there.
        - { name: tmp, mountPath: /tmp }
        {{- range $i, $secret := .part.secrets }}
        - { name: secret-{{ $i }}, mountPath: {{ $secret.mountPath }}, readOnly: true }
        {{- end }}
  volumes:
    - name: settings
      configMap: { name: {{ include "gennaker.name" $root }}-settings }
    - name: broker
      projected:
        sources:
          - secret:
              name: {{ include "gennaker.authSecret" $root }}
              items: [{ key: {{ .user }}, path: broker-password }]
          {{- if ne $root.Values.broker.tls.mode "none" }}
          - secret:
              name: {{ include "gennaker.tlsSecret" $root }}
              items: [{ key: ca.crt, path: broker-ca.crt }]
          {{- end }}
    - name: tmp
      emptyDir: { sizeLimit: 2Gi }
    {{- range $i, $secret := .part.secrets }}
    - name: secret-{{ $i }}
      secret: { secretName: {{ $secret.secretName }} }
    {{- end }}
{{- end }}

{{/* Deployment, ServiceAccount and PodDisruptionBudget of a part; same dict as gennaker.pod. */}}
{{- define "gennaker.deployment" -}}
{{- $name := printf "%s-%s" (include "gennaker.name" .root) .component -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ $name }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "gennaker.labels" .root | nindent 4 }}
automountServiceAccountToken: false
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ $name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "gennaker.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
spec:
  replicas: {{ .part.replicas }}
  selector:
    matchLabels: {{- include "gennaker.selector" . | nindent 6 }}
  strategy:
    rollingUpdate: { maxUnavailable: 0, maxSurge: 1 }
  template: {{- include "gennaker.pod" . | nindent 4 }}
{{- if gt (int .part.replicas) 1 }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ $name }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "gennaker.labels" .root | nindent 4 }}
spec:
  maxUnavailable: 1
  selector:
    matchLabels: {{- include "gennaker.selector" . | nindent 6 }}
{{- end }}
{{- end }}
