"""The deployment on one machine: what lies between the template and the functions, and the providers' simulators."""
