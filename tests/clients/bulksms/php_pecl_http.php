<?php
// The document's program over PHP's extension pecl_http.
$client = new http\Client;
$call = new http\Client\Request;
$call->setRequestUrl('http://' . getenv('HOST') . '/bulksms/bulksms?username=' . getenv('USERNAME')
    . '&password=' . getenv('PASSWORD') . '&type=0&dlr=1&destination=' . getenv('DESTINATION')
    . '&source=Tests&message=Sent+by+a+sample' . getenv('WHEN'));
$call->setRequestMethod('GET');
$call->setOptions([]);
$client->enqueue($call)->send();
echo $client->getResponse()->getBody();
