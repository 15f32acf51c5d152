<?php
// The document's program over PHP's cURL extension, with its options.
$handle = curl_init();
curl_setopt_array($handle, [
    CURLOPT_URL => 'http://' . getenv('HOST') . '/bulksms/bulksms?username=' . getenv('USERNAME')
        . '&password=' . getenv('PASSWORD') . '&type=0&dlr=1&destination=' . getenv('DESTINATION')
        . '&source=Tests&message=Sent+by+a+sample' . getenv('WHEN') . (getenv('WHEN') ? '' : '&ip=127.0.0.1'),
    CURLOPT_RETURNTRANSFER => true,
    CURLOPT_ENCODING => '',
    CURLOPT_MAXREDIRS => 10,
    CURLOPT_TIMEOUT => 0,
    CURLOPT_FOLLOWLOCATION => true,
    CURLOPT_HTTP_VERSION => CURL_HTTP_VERSION_1_1,
    CURLOPT_CUSTOMREQUEST => 'GET',
]);
$answer = curl_exec($handle);
if ($answer === false) {
    fwrite(STDERR, curl_error($handle));
    exit(1);
}
echo $answer;
