<?php
// The document's program over PEAR's HTTP_Request2, with its options.
require_once 'HTTP/Request2.php';
$call = new HTTP_Request2();
$call->setUrl('http://' . getenv('HOST') . '/bulksms/bulksms?username=' . getenv('USERNAME')
    . '&password=' . getenv('PASSWORD') . '&type=0&dlr=1&destination=' . getenv('DESTINATION')
    . '&source=Tests&message=Sent+by+a+sample' . getenv('WHEN'));
$call->setMethod(HTTP_Request2::METHOD_GET);
$call->setConfig(['follow_redirects' => true]);
$answer = $call->send();
if ($answer->getStatus() != 200) {
    fwrite(STDERR, $answer->getStatus() . ' ' . $answer->getReasonPhrase());
    exit(1);
}
echo $answer->getBody();
