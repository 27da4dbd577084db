#!/usr/bin/env bash
# Start Ceph's S3 gateway with a monitor and a store of its own on loopback; Ctrl-C ends it.
#
#   apt-get install --no-install-recommends ceph-mon ceph-osd radosgw ceph-common
#   bash tests/ceph.sh                      # in one terminal; it prints what to set in another
set -euo pipefail
folder=$(mktemp -d)
cd "$folder"
trap 'kill $(cat ./*.pid 2>/dev/null) $(jobs -p) 2>/dev/null; rm -rf "$folder"' EXIT
trap exit INT TERM

monitor='[v2:127.0.0.1:13300,v1:127.0.0.1:16789]'
endpoint=127.0.0.1:17480
cluster=$(cat /proc/sys/kernel/random/uuid)
store=$(cat /proc/sys/kernel/random/uuid)
secret=$(tr -d - < /proc/sys/kernel/random/uuid)
cat > ceph.conf <<END
[global]
fsid = $cluster
mon host = $monitor
public addr = 127.0.0.1
cluster addr = 127.0.0.1
run dir = $folder
admin socket = $folder/\$cluster-\$name.asok
pid file = $folder/\$name.pid
log file = $folder/\$name.log
keyring = $folder/keyring
mon data = $folder/mon
mon allow pool size one = true
osd data = $folder/osd
osd crush chooseleaf type = 0
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pg autoscale mode = off
bluestore block size = 8589934592
rgw frontends = beast endpoint=$endpoint
END
export CEPH_CONF=$folder/ceph.conf
mkdir mon osd

key() { ceph-authtool keyring --gen-key --name "$@"; }
ceph-authtool --create-keyring keyring > /dev/null
key mon. --cap mon 'allow *'
key client.admin --cap mon 'allow *' --cap osd 'allow *'
key osd.0 --cap mon 'allow profile osd' --cap osd 'allow *'
key client.rgw --cap mon 'allow rw' --cap osd 'allow rwx'

monmaptool --create --fsid "$cluster" --addv a "$monitor" monmap > /dev/null
ceph-mon -i a --mkfs --monmap monmap --keyring keyring
ceph-mon -i a
ceph osd new "$store" > /dev/null
ceph-osd -i 0 --mkfs --osd-uuid "$store" 2> /dev/null
ceph-osd -i 0 2> /dev/null
radosgw -n client.rgw
radosgw-admin user create --uid wordlab --display-name wordlab \
    --access-key wordlab --secret-key "$secret" > /dev/null
cat <<END
export TEST_S3_ENDPOINT=http://$endpoint
export AWS_ACCESS_KEY_ID=wordlab AWS_SECRET_ACCESS_KEY=$secret
pytest tests/test_pipeline.py -k clone_pulls
END
sleep infinity &
wait
